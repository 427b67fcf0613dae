package dev.millrace.spark.cluster;

import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.apache.spark.JobArtifactSet;
import org.apache.spark.JobArtifactState;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.classic.SparkSession;
import scala.collection.immutable.Map$;
import scala.jdk.javaapi.CollectionConverters;

/**
 * What users have added to an application or to a session for the code of its queries, as Spark tells it to each of its
 * tasks. A worker's task may be older than that.
 *
 * @param session names the session that has artifacts of its own; empty for those of the application
 * @param classes where the session's own classes are; empty where it has none
 * @param ofApplication jars, files and archives that were added to no session; Spark's tasks that belong to one get them
 *     from those that belong to none
 * @param own those of the session alone
 */
record SessionArtifacts(String session, String classes, List<Artifact> ofApplication, List<Artifact> own) {
    /** Under which Spark keeps what was added to no session. */
    private static final String OF_NO_SESSION = "default";

    /** What becomes of an artifact on a worker. */
    enum Kind {
        /** Its classes are found. */
        JAR,
        /** It lies there. */
        FILE,
        /** It is unpacked there. */
        ARCHIVE
    }

    /**
     * Something that was added.
     *
     * @param address where a worker gets it; that of an archive may end with a fragment, which names its folder
     * @param timestamp greater than that of an earlier one of its name
     */
    record Artifact(String address, long timestamp, Kind kind) {}

    SessionArtifacts {
        ofApplication = List.copyOf(ofApplication);
        own = List.copyOf(own);
    }

    /** Those that a session has now. Thread: one with the session's properties. */
    static SessionArtifacts of(SparkSession session) {
        SparkContext context = session.sparkContext();
        JobArtifactSet now =
                Scala.cast(session.artifactManager().withResources(() -> JobArtifactSet.getActiveOrDefault(context)));
        JobArtifactState own = now.state().isEmpty() ? null : now.state().get();
        if (own == null) {
            return new SessionArtifacts(
                    "",
                    "",
                    list(Scala.cast(now.jars()), Scala.cast(now.files()), Scala.cast(now.archives())),
                    List.of());
        }
        String classes =
                own.replClassDirUri().isEmpty() ? "" : own.replClassDirUri().get();
        return new SessionArtifacts(
                own.uuid(),
                classes,
                list(
                        ofApplication(Scala.cast(context.addedJars())),
                        ofApplication(Scala.cast(context.addedFiles())),
                        ofApplication(Scala.cast(context.addedArchives()))),
                list(Scala.cast(now.jars()), Scala.cast(now.files()), Scala.cast(now.archives())));
    }

    /** What was added to no session, of what Spark keeps by session. */
    private static scala.collection.Map<String, Object> ofApplication(
            scala.collection.Map<String, scala.collection.Map<String, Object>> bySession) {
        return bySession.contains(OF_NO_SESSION) ? bySession.apply(OF_NO_SESSION) : Scala.cast(Map$.MODULE$.empty());
    }

    private static List<Artifact> list(
            scala.collection.Map<String, Object> jars,
            scala.collection.Map<String, Object> files,
            scala.collection.Map<String, Object> archives) {
        List<Artifact> artifacts = new ArrayList<>();
        add(artifacts, jars, Kind.JAR);
        add(artifacts, files, Kind.FILE);
        add(artifacts, archives, Kind.ARCHIVE);
        artifacts.sort(Comparator.comparing(Artifact::address)); // so that the same are equal
        return artifacts;
    }

    private static void add(List<Artifact> artifacts, scala.collection.Map<String, Object> from, Kind kind) {
        for (Map.Entry<String, Object> each : CollectionConverters.asJava(from).entrySet()) {
            artifacts.add(new Artifact(each.getKey(), (Long) each.getValue(), kind));
        }
    }

    void write(FieldWriter to) {
        FieldWriter unused = to.text(session)
                .text(classes)
                .list(ofApplication, SessionArtifacts::write)
                .list(own, SessionArtifacts::write);
    }

    private static void write(FieldWriter to, Artifact artifact) {
        FieldWriter unused = to.text(artifact.address())
                .number(artifact.timestamp())
                .kind(artifact.kind().ordinal());
    }

    static SessionArtifacts read(FieldReader from) {
        return new SessionArtifacts(from.text(), from.text(), artifacts(from), artifacts(from));
    }

    private static List<Artifact> artifacts(FieldReader from) {
        return from.list(
                Integer.BYTES + Long.BYTES + 1, field -> new Artifact(field.text(), field.longNumber(), kind(field)));
    }

    private static Kind kind(FieldReader from) {
        int kind = from.kind();
        if (kind < 0 || kind >= Kind.values().length) {
            throw from.malformed("artifact of kind=%d".formatted(kind));
        }
        return Kind.values()[kind];
    }
}
