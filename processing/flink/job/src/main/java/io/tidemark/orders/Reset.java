package io.tidemark.orders;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** A command to replace the state of one result by the verified fold (wire/reset.ts, ADR 13). */
public final class Reset {
  static final String ENGINE = "FLINK";
  private static final ObjectMapper JSON = new ObjectMapper();

  public String kind;
  public String businessKey;
  public String symbol;

  /** The fold is of all events of the key in this source partition below {@code upTo}. */
  public int partition;

  public long upTo;

  /** What the state's results say from then on. */
  public String nonce;

  /** JSON object, of the kind. */
  public String state;

  /** For Flink's serializer. */
  public Reset() {}

  /** Null: it is no command of this version for this engine. */
  static Reset parse(byte[] value) {
    try {
      JsonNode json = JSON.readTree(value);
      boolean own = json.path("schema").asInt() == 1 && json.path("processing_engine").asText().equals(ENGINE);
      if (!own || !json.path("up_to").isIntegralNumber() || !json.path("source_partition").isInt()) {
        return null;
      }
      Reset reset = new Reset();
      reset.kind = text(json, "kind");
      reset.businessKey = text(json, "business_key");
      reset.symbol = text(json, "symbol");
      reset.partition = json.path("source_partition").intValue();
      reset.upTo = json.path("up_to").longValue();
      reset.nonce = text(json, "nonce");
      reset.state = json.path("state").isObject() ? json.path("state").toString() : null;
      boolean whole = reset.kind != null && reset.businessKey != null && reset.symbol != null;
      return whole && reset.nonce != null && reset.state != null ? reset : null;
    } catch (IOException notJson) {
      return null;
    }
  }

  private static String text(JsonNode json, String field) {
    return json.path(field).textValue();
  }

  JsonNode stateJson() throws IOException {
    return JSON.readTree(state);
  }

  static List<String> texts(JsonNode array) {
    List<String> all = new ArrayList<>();
    array.forEach(one -> all.add(one.asText()));
    return all;
  }
}
