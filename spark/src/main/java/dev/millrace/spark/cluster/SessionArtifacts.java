package dev.millrace.spark.cluster;

import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.apache.spark.JobArtifactSet;
import org.apache.spark.JobArtifactState;
import org.apache.spark.sql.classic.SparkSession;
import scala.jdk.javaapi.CollectionConverters;

/**
 * What users have added to an application or to a session for the code of its queries, as Spark tells it to each of its
 * tasks. A worker's task may be older than that.
 *
 * @param session names the session that has artifacts of its own; empty for those of the application
 * @param classes where the session's own classes are; empty where it has none
 * @param artifacts jars and files
 */
record SessionArtifacts(String session, String classes, List<Artifact> artifacts) {
    /**
     * A jar or a file.
     *
     * @param address where a worker gets it
     * @param timestamp greater than that of an earlier one of its name
     */
    record Artifact(String address, long timestamp, boolean isJar) {}

    SessionArtifacts {
        artifacts = List.copyOf(artifacts);
    }

    /** Those that a session has now. Thread: one with the session's properties. */
    static SessionArtifacts of(SparkSession session) {
        JobArtifactSet now = Scala.cast(session.artifactManager()
                .withResources(() -> JobArtifactSet.getActiveOrDefault(session.sparkContext())));
        List<Artifact> artifacts = new ArrayList<>();
        add(artifacts, Scala.cast(now.jars()), true);
        add(artifacts, Scala.cast(now.files()), false);
        artifacts.sort(Comparator.comparing(Artifact::address)); // so that the same are equal
        JobArtifactState own = now.state().isEmpty() ? null : now.state().get();
        return own == null
                ? new SessionArtifacts("", "", artifacts)
                : new SessionArtifacts(
                        own.uuid(),
                        own.replClassDirUri().isEmpty()
                                ? ""
                                : own.replClassDirUri().get(),
                        artifacts);
    }

    private static void add(
            List<Artifact> artifacts, scala.collection.immutable.Map<String, Object> from, boolean isJar) {
        for (Map.Entry<String, Object> each : CollectionConverters.asJava(from).entrySet()) {
            artifacts.add(new Artifact(each.getKey(), (Long) each.getValue(), isJar));
        }
    }

    void write(FieldWriter to) {
        FieldWriter unused = to.text(session).text(classes).list(artifacts, (writer, artifact) -> writer.text(
                        artifact.address())
                .number(artifact.timestamp())
                .flag(artifact.isJar()));
    }

    static SessionArtifacts read(FieldReader from) {
        return new SessionArtifacts(
                from.text(),
                from.text(),
                from.list(
                        Integer.BYTES + Long.BYTES + 1,
                        field -> new Artifact(field.text(), field.longNumber(), field.flag())));
    }
}
