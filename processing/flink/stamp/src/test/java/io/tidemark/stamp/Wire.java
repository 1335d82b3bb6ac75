package io.tidemark.stamp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SchemaLocation;
import com.networknt.schema.SpecVersion;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;

/** {@code wire/}, which TypeScript and Java share: schemas and golden messages. For the tests of both modules. */
public final class Wire {
  private static final Path FOLDER = Path.of(System.getProperty("wire", "../../../wire"));
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final Map<String, JsonSchema> SCHEMAS = new HashMap<>();

  private Wire() {}

  public static JsonNode golden(String name) {
    return json(read(FOLDER.resolve("golden").resolve(name)));
  }

  public static Stream<String> goldens() {
    try (Stream<Path> files = Files.list(FOLDER.resolve("golden"))) {
      return files.map(file -> file.getFileName().toString()).sorted().toList().stream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What the schema has against the message; empty: nothing. {@code order-event}, {@code result} or {@code control}. */
  public static String problems(String schema, JsonNode message) {
    JsonSchema compiled =
        SCHEMAS.computeIfAbsent(
            schema,
            name ->
                JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012)
                    .getSchema(
                        // The relative $id of the schemas needs something to be relative to.
                        SchemaLocation.of("https://wire.invalid/" + name),
                        json(read(FOLDER.resolve("schema").resolve(name + ".schema.json")))));
    return String.join("; ", compiled.validate(message).stream().map(Object::toString).toList());
  }

  /** The same, by the schema that speaks for the message of a result topic. */
  public static String problems(JsonNode message) {
    return problems(message.path("kind").asText().startsWith("_") ? "control" : "result", message);
  }

  public static JsonNode json(String text) {
    try {
      return MAPPER.readTree(text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
