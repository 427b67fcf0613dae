package dev.millrace.engine.snapshot;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.engine.error.ErrorCode;
import dev.millrace.engine.error.MillraceException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.zip.CRC32C;

/**
 * What makes an epoch restorable: for every section the files that hold it, a base first and then the
 * deltas in order, and what the query must be like to take them back. Immutable.
 *
 * <p>Layout: {@code manifests/<epoch>}, a line with the crc32c of the rest in hexadecimal digits, then
 * JSON.
 *
 * @param epoch the epoch at whose barrier the state was so
 * @param keyGroupCount key groups of the query
 * @param operators for each operator with state, what it is; a query that continues must have the same
 * @param files for each section, its files
 */
public record Manifest(
        long epoch, int keyGroupCount, Map<OperatorId, String> operators, Map<SectionKey, List<String>> files) {
    private static final int VERSION = 1;
    private static final String FOLDER = "manifests";
    private static final ObjectMapper MAPPER = new ObjectMapper();

    public Manifest {
        operators = java.util.Collections.unmodifiableMap(new TreeMap<>(operators));
        files = java.util.Collections.unmodifiableMap(new TreeMap<>(files));
    }

    /** The manifest before a query's first epoch. */
    public static Manifest empty(int keyGroupCount, Map<OperatorId, String> operators) {
        return new Manifest(-1, keyGroupCount, operators, Map.of());
    }

    /** The manifest of the next epoch, which adds one snapshot to this one. */
    public Manifest with(long nextEpoch, StoredSnapshot snapshot) {
        Map<SectionKey, List<String>> next = new LinkedHashMap<>(files);
        Set<SectionKey> startedAnew = new TreeSet<>();
        for (SnapshotFile.Entry entry : snapshot.index()) {
            // A base may come as several sections, one behind the other or of several tasks, all in this file.
            if (entry.base() && startedAnew.add(entry.key())) {
                next.remove(entry.key());
            }
            if (entry.rawBytes() == 0) {
                continue; // so a key group without entries keeps no file alive
            }
            List<String> chain = new ArrayList<>(next.getOrDefault(entry.key(), List.of()));
            if (!chain.contains(snapshot.file())) {
                chain.add(snapshot.file());
            }
            next.put(entry.key(), List.copyOf(chain));
        }
        return new Manifest(nextEpoch, keyGroupCount, operators, next);
    }

    /** All files that this epoch needs. */
    public Set<String> allFiles() {
        Set<String> all = new TreeSet<>();
        files.values().forEach(all::addAll);
        return all;
    }

    /** The epochs that have a manifest, in order. Errors: IOException. */
    public static List<Long> epochs(SnapshotStorage storage) throws IOException {
        return storage.list(FOLDER).stream()
                .filter(name -> name.chars().allMatch(Character::isDigit))
                .map(Long::parseLong)
                .sorted()
                .toList();
    }

    public static String fileName(long epoch) {
        return FOLDER + "/" + epoch;
    }

    public void store(SnapshotStorage storage) throws IOException {
        byte[] json = toJson().getBytes(StandardCharsets.UTF_8);
        storage.write(fileName(epoch), output -> {
            output.write("%08x%n".formatted(crc(json)).getBytes(StandardCharsets.US_ASCII));
            output.write(json);
        });
    }

    private String toJson() throws IOException {
        ObjectNode root = MAPPER.createObjectNode();
        root.put("version", VERSION).put("epoch", epoch).put("keyGroupCount", keyGroupCount);
        ArrayNode operatorNodes = root.putArray("operators");
        operators.forEach((id, name) -> operatorNodes
                .addObject()
                .put("stage", id.stageId())
                .put("operator", id.operatorIndex())
                .put("name", name));
        List<String> names = List.copyOf(allFiles());
        ArrayNode fileNodes = root.putArray("files");
        names.forEach(fileNodes::add);
        ArrayNode sectionNodes = root.putArray("sections");
        files.forEach((key, chain) -> {
            ObjectNode node = sectionNodes
                    .addObject()
                    .put("stage", key.operator().stageId())
                    .put("operator", key.operator().operatorIndex())
                    .put("state", key.stateIndex())
                    .put("keyGroup", key.keyGroup());
            ArrayNode chainNodes = node.putArray("files");
            chain.forEach(file -> chainNodes.add(names.indexOf(file)));
        });
        return MAPPER.writeValueAsString(root);
    }

    /**
     * Reads an epoch's manifest.
     *
     * <p>Errors: UNSUPPORTED_CHECKPOINT when there is none or its format is newer; STATE_CORRUPT when it
     * is not what was written.
     */
    public static Manifest load(SnapshotStorage storage, long epoch) throws IOException {
        String name = fileName(epoch);
        byte[] bytes;
        try (SnapshotStorage.Input input = storage.open(name)) {
            bytes = new byte[Math.toIntExact(input.sizeBytes())];
            input.read(0, bytes, bytes.length);
        } catch (FileNotFoundException e) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_CHECKPOINT,
                    "Cannot restore state: epoch=%d has no manifest, epochs that have=%s. Set spark.millrace.restore.epoch to one of these, or start with a new checkpoint location."
                            .formatted(epoch, epochs(storage)),
                    e);
        }
        String text = new String(bytes, StandardCharsets.UTF_8);
        int lineEnd = text.indexOf('\n');
        String json = text.substring(lineEnd + 1);
        String expected = "%08x".formatted(crc(json.getBytes(StandardCharsets.UTF_8)));
        if (lineEnd < 0 || !text.substring(0, lineEnd).strip().equals(expected)) {
            throw corrupt(name, "its crc32c is not " + expected, null);
        }
        try {
            return fromJson(name, MAPPER.readTree(json));
        } catch (JsonProcessingException e) {
            throw corrupt(name, "it is no JSON", e);
        }
    }

    private static Manifest fromJson(String name, JsonNode root) {
        int version = root.path("version").asInt();
        if (version != VERSION) {
            throw new MillraceException(
                    ErrorCode.UNSUPPORTED_CHECKPOINT,
                    "Cannot restore state: file=%s has format version=%d, known=%d. Use the Millrace version that wrote it."
                            .formatted(name, version, VERSION));
        }
        Map<OperatorId, String> operators = new LinkedHashMap<>();
        for (JsonNode node : root.path("operators")) {
            operators.put(operatorId(node), node.path("name").asText());
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
        return new Manifest(
                root.path("epoch").asLong(), root.path("keyGroupCount").asInt(), operators, files);
    }

    private static OperatorId operatorId(JsonNode node) {
        return new OperatorId(node.path("stage").asInt(), node.path("operator").asInt());
    }

    private static int crc(byte[] bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return (int) crc.getValue();
    }

    private static MillraceException corrupt(
            String name, String fact, @org.jspecify.annotations.Nullable Throwable cause) {
        return new MillraceException(
                ErrorCode.STATE_CORRUPT,
                "Cannot restore state: file=%s, %s. Restart from an earlier epoch with spark.millrace.restore.epoch."
                        .formatted(name, fact),
                cause);
    }
}
