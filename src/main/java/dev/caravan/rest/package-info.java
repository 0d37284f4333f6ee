// SPDX-License-Identifier: Apache-2.0
/**
 * The REST API: routes in the REST DSL that translate between HTTP and calls on the worker. {@link
 * dev.caravan.rest.ErrorMapper} maps every error.
 */
@NullMarked
package dev.caravan.rest;

import org.jspecify.annotations.NullMarked;
