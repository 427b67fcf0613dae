package dev.millrace.spark.session;

import dev.millrace.spark.scala.Scala;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.spark.package$;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.classic.StreamingQuery;
import org.apache.spark.sql.classic.StreamingQueryManager;
import org.apache.spark.sql.internal.SessionState;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Function0;
import scala.collection.mutable.HashMap;

/**
 * The only place that reaches into Spark by reflection. It checks the version and the shape of what
 * it touches first, and where anything does not fit it leaves Spark as it was, with one warning.
 *
 * <p>Two ways in: a session whose query manager does not exist yet gets another builder for it; one
 * whose manager exists (a listener was added early) gets a new manager that carries the old one's
 * fields, because constructing it afresh would register all listeners a second time.
 */
final class SparkInternals {
    private static final Logger LOG = LoggerFactory.getLogger(SparkInternals.class);
    private static final String SUPPORTED_VERSIONS = "4.2.";
    private static final AtomicBoolean WARNED = new AtomicBoolean();

    private SparkInternals() {}

    /** Gives the session a {@link MillraceQueryManager}; false where Spark was left as it was. */
    static boolean installQueryManager(SparkSession session) {
        String version = package$.MODULE$.SPARK_VERSION();
        if (!version.startsWith(SUPPORTED_VERSIONS)) {
            warn("spark version=%s, supported=%sx".formatted(version, SUPPORTED_VERSIONS), null);
            return false;
        }
        try {
            SessionState state = session.sessionState();
            Shape shape = new Shape();
            synchronized (state) {
                return install(session, state, shape);
            }
        } catch (ReflectiveOperationException | RuntimeException e) {
            warn("spark version=" + version, e);
            return false;
        }
    }

    private static boolean install(SparkSession session, SessionState state, Shape shape)
            throws ReflectiveOperationException {
        Object current = shape.manager.get(state);
        if (current instanceof MillraceQueryManager) {
            return true;
        }
        if (current == null) {
            Function0<StreamingQueryManager> builder = () -> new MillraceQueryManager(session, state.conf());
            shape.builder.set(state, builder);
            return true;
        }
        if (current.getClass() != StreamingQueryManager.class) {
            warn("query manager=" + current.getClass().getName(), null);
            return false;
        }
        MillraceQueryManager successor = shape.allocate();
        for (Field field : StreamingQueryManager.class.getDeclaredFields()) {
            if (!Modifier.isStatic(field.getModifiers())) {
                field.setAccessible(true);
                field.set(successor, field.get(current));
            }
        }
        successor.initialize(session, (StreamingQueryManager) current);
        shape.manager.set(state, successor);
        return true;
    }

    /** The queries that a manager knows as active; guarded by the shared state's lock. */
    static HashMap<UUID, StreamingQuery> activeQueries(StreamingQueryManager manager) {
        try {
            return Scala.cast(Shape.activeQueries().invoke(manager));
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("Checked before the manager was installed.", e);
        }
    }

    private static void warn(String fact, @Nullable Throwable cause) {
        if (WARNED.compareAndSet(false, true)) {
            LOG.warn(
                    "Millrace cannot take over real-time queries: {}. Spark runs as it would without Millrace; use the "
                            + "Millrace jar that was made for this Spark.",
                    fact,
                    cause);
        }
    }

    /** The members of Spark that are used, found anew for each session: sessions are few. */
    private static final class Shape {
        private final Field manager;
        private final Field builder;

        Shape() throws ReflectiveOperationException {
            manager = field("streamingQueryManager", StreamingQueryManager.class);
            builder = field("streamingQueryManagerBuilder", Function0.class);
            activeQueries();
        }

        static Method activeQueries() throws ReflectiveOperationException {
            Method method = StreamingQueryManager.class.getDeclaredMethod("activeQueries");
            if (method.getReturnType() != HashMap.class) {
                throw new NoSuchMethodException("activeQueries gives " + method.getReturnType());
            }
            method.setAccessible(true);
            return method;
        }

        private static Field field(String name, Class<?> type) throws ReflectiveOperationException {
            Field field = SessionState.class.getDeclaredField(name);
            if (field.getType() != type) {
                throw new NoSuchFieldException(name + " is a " + field.getType());
            }
            field.setAccessible(true);
            return field;
        }

        /** An instance of which no constructor ran. */
        MillraceQueryManager allocate() throws ReflectiveOperationException {
            Class<?> type = Class.forName("sun.misc.Unsafe");
            Field instance = type.getDeclaredField("theUnsafe");
            instance.setAccessible(true);
            Method allocate = type.getMethod("allocateInstance", Class.class);
            return (MillraceQueryManager) allocate.invoke(instance.get(null), MillraceQueryManager.class);
        }
    }
}
