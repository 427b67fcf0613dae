package dev.millrace.spark.session;

import org.apache.spark.sql.SparkSessionExtensions;
import org.apache.spark.sql.SparkSessionExtensionsProvider;
import scala.runtime.AbstractFunction1;
import scala.runtime.BoxedUnit;

/** Loads {@link MillraceExtension} from the class path, without any configuration. */
public final class MillraceExtensionProvider extends AbstractFunction1<SparkSessionExtensions, BoxedUnit>
        implements SparkSessionExtensionsProvider {
    private final MillraceExtension extension = new MillraceExtension();

    @Override
    public BoxedUnit apply(SparkSessionExtensions extensions) {
        return extension.apply(extensions);
    }
}
