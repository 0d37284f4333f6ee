// SPDX-License-Identifier: Apache-2.0
/** DCP producers: the streams of a connection, their filters, and the messages that they send. */
@NullMarked
package dev.caravan.sandbox.kv.dcp;

import org.jspecify.annotations.NullMarked;
