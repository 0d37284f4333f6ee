// SPDX-License-Identifier: Apache-2.0
/**
 * The REST API: REST DSL routes that translate between HTTP and calls on the worker, and decide
 * nothing. One class words every error.
 */
@NullMarked
package dev.caravan.rest;

import org.jspecify.annotations.NullMarked;
