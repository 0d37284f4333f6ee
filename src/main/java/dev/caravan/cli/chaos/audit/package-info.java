// SPDX-License-Identifier: Apache-2.0
/**
 * What {@code chaos} finds in Kafka, held against what it wrote and broke.
 *
 * <p>{@link dev.caravan.cli.chaos.audit.ChaosAudit} looks for what is lost, {@link
 * dev.caravan.cli.chaos.audit.ChaosDuplicates} for what came more than once, {@link
 * dev.caravan.cli.chaos.audit.ChaosGaps} and {@link dev.caravan.cli.chaos.audit.StarvationDetector}
 * for how long nothing came. They know faults as {@link dev.caravan.cli.chaos.audit.ChaosOutage}s
 * only. May use {@code cli.process} and {@code record}.
 */
@NullMarked
package dev.caravan.cli.chaos.audit;

import org.jspecify.annotations.NullMarked;
