package dev.millrace.spark.session;

import org.apache.spark.sql.SparkSessionExtensions;
import org.apache.spark.sql.classic.SparkSession;
import scala.runtime.AbstractFunction1;
import scala.runtime.BoxedUnit;

/**
 * The door: named in {@code spark.sql.extensions}, or found on the class path through
 * {@link MillraceExtensionProvider}. Applied twice to a session it does its work once.
 *
 * <p>The rule that it injects is built once per session, when the session's analyzer is built, and
 * so before any query of that session can exist.
 */
public final class MillraceExtension extends AbstractFunction1<SparkSessionExtensions, BoxedUnit> {
    @Override
    public BoxedUnit apply(SparkSessionExtensions extensions) {
        extensions.injectResolutionRule(session -> SessionInstaller.install((SparkSession) session));
        return BoxedUnit.UNIT;
    }
}
