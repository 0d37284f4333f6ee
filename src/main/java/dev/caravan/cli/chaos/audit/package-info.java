// SPDX-License-Identifier: Apache-2.0
/**
 * Audits what a {@code chaos} run left in Kafka.
 *
 * <p>{@link dev.caravan.cli.chaos.audit.ChaosAudit} finds missing, reordered and unknown records,
 * {@link dev.caravan.cli.chaos.audit.ChaosDuplicates} judges repeated records, {@link
 * dev.caravan.cli.chaos.audit.ChaosGaps} measures pauses, and {@link
 * dev.caravan.cli.chaos.audit.StarvationDetector} notices a busy machine. These classes know faults
 * only as {@link dev.caravan.cli.chaos.audit.ChaosOutage}s. May use {@code cli.process} and {@code
 * record}.
 */
@NullMarked
package dev.caravan.cli.chaos.audit;

import org.jspecify.annotations.NullMarked;
