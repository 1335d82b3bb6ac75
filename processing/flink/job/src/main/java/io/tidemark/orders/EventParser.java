package io.tidemark.orders;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Value of a source record → event, from the flat form or a Debezium envelope: wire/parse-event.ts, said again. */
public final class EventParser {
  public static final int MAX_EVENT_BYTES = 256 * 1024;

  private static final Pattern UUID = Pattern.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}");
  private static final Pattern ORDER_ID = Pattern.compile("[!-~]{1,128}");
  private static final Pattern SYMBOL = Pattern.compile("[!-?A-~]{1,64}");
  private static final Pattern DECIMAL = Pattern.compile("[0-9]{1,20}(\\.[0-9]{1,18})?");
  private static final Pattern TIME =
      Pattern.compile(
          "(19[7-9][0-9]|[2-9][0-9]{3})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})\\.([0-9]{3})Z");
  private static final Set<String> OPS = Set.of("c", "u", "d", "r");
  private static final long MAX_SAFE_INTEGER = (1L << 53) - 1;

  // The size of a value is bounded above, so nothing inside it needs a bound of its own.
  private static final ObjectMapper JSON =
      new ObjectMapper(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(MAX_EVENT_BYTES)
                          .maxNumberLength(MAX_EVENT_BYTES)
                          .build())
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private static final Map<String, Predicate<JsonNode>> FIELDS = fields();

  /** Either {@code event}, or {@code code} and {@code message}. */
  public record Parsed(OrderEvent event, String code, String message) {}

  private EventParser() {}

  /** Tombstones never come here. */
  public static Parsed parse(byte[] value) {
    String text = new String(value, StandardCharsets.UTF_8);
    if (text.getBytes(StandardCharsets.UTF_8).length > MAX_EVENT_BYTES) {
      return broken("TOO_LARGE", "more than " + MAX_EVENT_BYTES + " bytes");
    }
    JsonNode json;
    try {
      json = JSON.readTree(text);
    } catch (JsonProcessingException notJson) {
      return broken("BAD_JSON", "the value is not JSON");
    }
    return json.isMissingNode() ? broken("BAD_JSON", "the value is not JSON") : parse(json);
  }

  private static Parsed parse(JsonNode json) {
    if (!json.isObject()) {
      return broken("NOT_AN_OBJECT", "the value is not a JSON object");
    }
    // Connect's JsonConverter with schemas.enable wraps the envelope in { schema, payload }.
    JsonNode body = json.path("payload").isObject() && json.has("schema") ? json.path("payload") : json;
    JsonNode op = body.path("op");
    if (!op.isTextual() || !OPS.contains(op.textValue())) {
      return broken("OP_UNKNOWN", "op must be one of c, u, d, r");
    }
    boolean enveloped = body.has("after") || body.has("before");
    String side = op.textValue().equals("d") ? "before" : "after";
    JsonNode row = enveloped ? body.path(side) : body;
    if (!row.isObject()) {
      return broken("IMAGE_MISSING", "op " + op.textValue() + " needs \"" + side + "\"");
    }
    return parseRow(row, op.textValue());
  }

  private static Parsed parseRow(JsonNode row, String op) {
    for (Map.Entry<String, Predicate<JsonNode>> field : FIELDS.entrySet()) {
      JsonNode value = row.path(field.getKey());
      if (value.isMissingNode() || value.isNull()) {
        return broken("FIELD_MISSING", field.getKey() + " is missing");
      }
      if (!field.getValue().test(value)) {
        return broken("FIELD_INVALID", field.getKey() + " is not valid");
      }
    }
    OrderEvent event = new OrderEvent();
    event.eventId = row.path("event_id").textValue();
    event.orderId = row.path("order_id").textValue();
    event.symbol = row.path("symbol").textValue();
    event.side = row.path("side").textValue();
    event.quantity = (long) row.path("quantity").doubleValue();
    event.price = row.path("price").textValue();
    event.status = row.path("status").textValue();
    event.op = op;
    event.eventTime = row.path("event_time").textValue();
    event.eventTimeMs = timeToMs(event.eventTime).orElseThrow();
    event.version = (long) row.path("version").doubleValue();
    return new Parsed(event, null, null);
  }

  /** Milliseconds of a time in the wire's one format, if it is one: 30 February is none. */
  static OptionalLong timeToMs(String text) {
    Matcher m = TIME.matcher(text);
    if (!m.matches()) {
      return OptionalLong.empty();
    }
    try {
      LocalDateTime time =
          LocalDateTime.of(number(m, 1), number(m, 2), number(m, 3), number(m, 4), number(m, 5), number(m, 6));
      return OptionalLong.of(time.toEpochSecond(ZoneOffset.UTC) * 1_000 + number(m, 7));
    } catch (DateTimeException noSuchTime) {
      return OptionalLong.empty();
    }
  }

  /** Whether an undecodable record's Kafka key could be a symbol at all. */
  static boolean isSymbol(String key) {
    return SYMBOL.matcher(key).matches();
  }

  private static int number(Matcher matcher, int group) {
    return Integer.parseInt(matcher.group(group));
  }

  private static Map<String, Predicate<JsonNode>> fields() {
    // In the order of wire/parse-event.ts, so that both name the same field of a record with several faults.
    Map<String, Predicate<JsonNode>> fields = new LinkedHashMap<>();
    fields.put("event_id", matches(UUID));
    fields.put("order_id", matches(ORDER_ID));
    fields.put("symbol", matches(SYMBOL));
    fields.put("side", oneOf("BUY", "SELL"));
    fields.put("quantity", integerFrom(1));
    fields.put("price", matches(DECIMAL));
    fields.put("status", oneOf("PENDING", "FILLED", "CANCELLED"));
    fields.put("event_time", EventParser::isTime);
    fields.put("produce_time", EventParser::isTime);
    fields.put("version", integerFrom(0));
    return fields;
  }

  private static boolean isTime(JsonNode node) {
    return node.isTextual() && timeToMs(node.textValue()).isPresent();
  }

  private static Predicate<JsonNode> matches(Pattern pattern) {
    return node -> node.isTextual() && pattern.matcher(node.textValue()).matches();
  }

  private static Predicate<JsonNode> oneOf(String... words) {
    Set<String> allowed = Set.of(words);
    return node -> node.isTextual() && allowed.contains(node.textValue());
  }

  /** JavaScript's Number.isSafeInteger: 1.0 and 1e2 are integers, too. */
  private static Predicate<JsonNode> integerFrom(long least) {
    return node -> {
      double number = node.isNumber() ? node.doubleValue() : Double.NaN;
      return number == Math.rint(number) && number >= least && number <= MAX_SAFE_INTEGER;
    };
  }

  private static Parsed broken(String code, String message) {
    return new Parsed(null, code, message);
  }
}
