package io.tidemark.orders;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** Sum mod 2^64 of the first 8 bytes of sha-256(event_id): incremental, and the order of events does not matter. */
final class Digests {
  private Digests() {}

  /** One event's part; sums of them overflow as they should. */
  static long of(String eventId) {
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(eventId.getBytes(StandardCharsets.UTF_8));
      return ByteBuffer.wrap(hash).getLong();
    } catch (NoSuchAlgorithmException impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  static String text(long digest) {
    return Long.toUnsignedString(digest);
  }
}
