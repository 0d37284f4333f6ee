// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.cluster;

import org.jspecify.annotations.Nullable;

/**
 * The reason why a bucket can't be streamed at the moment, with a message for operators. The
 * message never contains a password.
 */
public final class ConnectionFailure extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** The part to check first. */
  public enum Reason {
    /** A node can't be reached, doesn't answer, or the connection was lost. */
    UNREACHABLE,
    /** The TLS handshake failed. */
    TLS,
    /** Unknown user or wrong password. */
    BAD_CREDENTIALS,
    /** There is no such bucket. */
    NO_SUCH_BUCKET,
    /** The user lacks a right, or the bucket doesn't exist and the user may not know it. */
    NO_ACCESS,
    /** A selected collection doesn't exist. */
    NO_SUCH_COLLECTION,
    /** The offset store can't be read. */
    OFFSETS,
    /** Couchbase lost changes that were read, and the policy is to stop then. */
    ROLLED_BACK,
    /** Streams have stopped in silence. */
    STALLED,
    /** Anything else. */
    OTHER
  }

  private final Reason reason;

  public ConnectionFailure(Reason reason, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.reason = reason;
  }

  public ConnectionFailure(Reason reason, String message) {
    this(reason, message, null);
  }

  public Reason reason() {
    return reason;
  }

  /** Whether trying again would not be what was asked for. */
  public boolean isFinal() {
    return reason == Reason.ROLLED_BACK;
  }

  /**
   * Whether it makes no sense to wait for the same connection to come right by itself within the
   * same attempt.
   */
  public boolean isDecisive() {
    return switch (reason) {
      case BAD_CREDENTIALS, NO_SUCH_BUCKET, NO_ACCESS, TLS -> true;
      default -> false;
    };
  }
}
