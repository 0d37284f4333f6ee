// SPDX-License-Identifier: Apache-2.0
/**
 * A worker: which connectors there are, who runs their tasks, and how they are doing.
 *
 * <p>{@link dev.caravan.worker.Worker} is what the REST API calls. Behind it, the herder decides,
 * alone on its thread; the config topic is the truth about connectors and the offsets topic about
 * progress, both in Kafka Connect's formats; and a lifecycle thread starts and stops tasks. The
 * producers of tasks are here, too: shared at least once, one for each task exactly once.
 */
@NullMarked
package dev.caravan.worker;

import org.jspecify.annotations.NullMarked;
