package dev.millrace.engine.epoch;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import dev.millrace.engine.snapshot.OperatorId;
import dev.millrace.engine.snapshot.SectionKey;
import dev.millrace.engine.snapshot.StateIndex;
import dev.millrace.engine.snapshot.StateSchema;
import dev.millrace.engine.snapshot.StatefulOperator;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Manifests and fences as bytes.
 *
 * <p>Layout: a line with the crc32c of the rest in hexadecimal digits, then JSON. A fence has neither
 * offsets nor state. Opaque bytes are in base 64.
 */
final class ManifestFormat {
    private static final int VERSION = 2;
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private ManifestFormat() {}

    static byte[] write(ManifestLog.Entry entry) throws IOException {
        ObjectNode root = MAPPER.createObjectNode();
        root.put("version", VERSION).put("epoch", entry.epoch()).put("run", entry.run());
        if (entry instanceof Manifest manifest) {
            root.put("offsets", manifest.offsets()).put("watermark", manifest.watermarkMillis());
            if (manifest.messages() != null) {
                root.put("messages", manifest.messages());
            }
            writeState(manifest.state(), root.putObject("state"));
        }
        byte[] json = MAPPER.writeValueAsBytes(root);
        byte[] line = "%08x\n".formatted(crc(json)).getBytes(StandardCharsets.US_ASCII);
        byte[] all = Arrays.copyOf(line, line.length + json.length);
        System.arraycopy(json, 0, all, line.length, json.length);
        return all;
    }

    private static void writeState(StateIndex state, ObjectNode root) {
        root.put("keyGroupCount", state.keyGroupCount());
        ArrayNode operatorNodes = root.putArray("operators");
        state.operators().forEach((id, operator) -> {
            ObjectNode node = operatorNodes
                    .addObject()
                    .put("stage", id.stageId())
                    .put("operator", id.operatorIndex())
                    .put("name", operator.name());
            ArrayNode stateNodes = node.putArray("states");
            operator.states().forEach(schema -> write(schema, stateNodes.addObject()));
        });
        ArrayNode fileNodes = root.putArray("files");
        // Found by name and not by looking through the list: sections and files grow with the workers, both.
        Map<String, Integer> fileIndexes = new HashMap<>();
        for (String file : state.allFiles()) {
            fileIndexes.put(file, fileIndexes.size());
            fileNodes.add(file);
        }
        ArrayNode sectionNodes = root.putArray("sections");
        state.files().forEach((key, chain) -> {
            ObjectNode node = sectionNodes
                    .addObject()
                    .put("stage", key.operator().stageId())
                    .put("operator", key.operator().operatorIndex())
                    .put("state", key.stateIndex())
                    .put("keyGroup", key.keyGroup());
            ArrayNode chainNodes = node.putArray("files");
            chain.forEach(file -> chainNodes.add(fileIndexes.get(file)));
        });
    }

    private static void write(StateSchema schema, ObjectNode node) {
        node.put("state", schema.index())
                .put("name", schema.name())
                .put("kind", schema.kind().name())
                .put("key", schema.key())
                .put("subKey", schema.subKey())
                .put("value", schema.value());
    }

    /** Errors: UNSUPPORTED_CHECKPOINT when the format is newer; STATE_CORRUPT when it is not what was written. */
    static ManifestLog.Entry read(String name, byte[] bytes) throws IOException {
        int lineEnd = 0;
        while (lineEnd < bytes.length && bytes[lineEnd] != '\n') {
            lineEnd++;
        }
        byte[] json = Arrays.copyOfRange(bytes, Math.min(bytes.length, lineEnd + 1), bytes.length);
        String expected = "%08x".formatted(crc(json));
        if (!new String(bytes, 0, lineEnd, StandardCharsets.ISO_8859_1).strip().equals(expected)) {
            throw corrupt(name, "its crc32c is not " + expected, null);
        }
        try {
            return fromJson(name, MAPPER.readTree(json));
        } catch (JsonProcessingException e) {
            throw corrupt(name, "it is no JSON", e);
        }
    }

    private static ManifestLog.Entry fromJson(String name, JsonNode root) throws IOException {
        int version = root.path("version").asInt();
        if (version != VERSION) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_CHECKPOINT,
                    "Cannot restore state: file=%s has format version=%d, known=%d. Use the Millrace version that wrote it."
                            .formatted(name, version, VERSION));
        }
        long epoch = root.path("epoch").asLong();
        String run = root.path("run").asText();
        if (!root.has("offsets")) {
            return new ManifestLog.Fence(epoch, run);
        }
        byte[] messages = root.has("messages") ? root.get("messages").binaryValue() : null;
        return new Manifest(
                epoch,
                run,
                root.get("offsets").binaryValue(),
                messages,
                readState(root.path("state")),
                root.path("watermark").asLong());
    }

    private static StateIndex readState(JsonNode root) {
        Map<OperatorId, StatefulOperator> operators = new LinkedHashMap<>();
        for (JsonNode node : root.path("operators")) {
            List<StateSchema> states = new ArrayList<>();
            node.path("states").forEach(schema -> states.add(schema(schema)));
            operators.put(
                    operatorId(node), new StatefulOperator(node.path("name").asText(), states));
        }
        List<String> names = new ArrayList<>();
        root.path("files").forEach(node -> names.add(node.asText()));
        Map<SectionKey, List<String>> files = new LinkedHashMap<>();
        for (JsonNode node : root.path("sections")) {
            List<String> chain = new ArrayList<>();
            node.path("files").forEach(index -> chain.add(names.get(index.asInt())));
            SectionKey key = new SectionKey(
                    operatorId(node),
                    node.path("state").asInt(),
                    node.path("keyGroup").asInt());
            files.put(key, List.copyOf(chain));
        }
        return new StateIndex(root.path("keyGroupCount").asInt(), operators, files);
    }

    private static StateSchema schema(JsonNode node) {
        return new StateSchema(
                node.path("state").asInt(),
                node.path("name").asText(),
                StateSchema.Kind.valueOf(node.path("kind").asText()),
                node.path("key").asText(),
                node.path("subKey").asText(),
                node.path("value").asText());
    }

    private static OperatorId operatorId(JsonNode node) {
        return new OperatorId(node.path("stage").asInt(), node.path("operator").asInt());
    }

    private static int crc(byte[] bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return (int) crc.getValue();
    }

    private static MillraceException corrupt(String name, String fact, @Nullable Throwable cause) {
        return new MillraceException(
                ErrorCode.STATE_CORRUPT,
                "Cannot restore state: file=%s, %s. Restart from an earlier epoch with spark.millrace.restore.epoch."
                        .formatted(name, fact),
                cause);
    }
}
