package io.tidemark.orders;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/** {@code evidence} of a message (contract §5): what lets ingest check a result instead of believing it. */
final class Evidence {
  private final ObjectNode node = JsonNodeFactory.instance.objectNode();

  Evidence(long events, long digest) {
    node.put("events", events);
    node.put("digest", Digests.text(digest));
  }

  Evidence duplicatesDropped(long count) {
    node.put("duplicates_dropped", count);
    return this;
  }

  Evidence coverage(List<Span> spans) {
    ObjectNode coverage = node.putObject("coverage");
    spans.forEach(span -> coverage.putArray(Integer.toString(span.partition)).add(span.first).add(span.last));
    return this;
  }

  Evidence maxEventTime(long ms) {
    node.put("max_event_time", Times.iso(ms));
    return this;
  }

  /** No event folded into the result, or decisive for it, is older; null: unknown. */
  Evidence begins(Long ms) {
    node.put("begins", ms == null ? null : Times.iso(ms));
    return this;
  }

  /** Offsets of undecodable records that could belong to the result. */
  Evidence lost(List<Place> places) {
    if (!places.isEmpty()) {
      ObjectNode lost = node.putObject("lost");
      for (Place place : places) {
        String partition = Integer.toString(place.partition);
        ArrayNode offsets = lost.has(partition) ? (ArrayNode) lost.get(partition) : lost.putArray(partition);
        offsets.add(place.offset);
      }
    }
    return this;
  }

  ObjectNode json() {
    return node;
  }
}
