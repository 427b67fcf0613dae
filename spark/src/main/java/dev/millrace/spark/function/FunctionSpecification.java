package dev.millrace.spark.function;

import dev.millrace.engine.snapshot.StateSchema;
import java.io.Serializable;
import org.jspecify.annotations.Nullable;

/** User code over keyed state as Spark's planner described it. */
public sealed interface FunctionSpecification extends Serializable
        permits GroupStateSpecification, ProcessorSpecification {
    /** What users call it, such as {@code mapGroupsWithState}. */
    String name();

    /** What else tells it from others: a checkpoint with another description is another query's. */
    String describe();

    /** How keys, values and results become objects and rows. */
    TypedGroups typed();

    /** What state holds for each key, but for the variables that a processor describes itself. */
    StateSchema stateSchema();

    /** Whether rows that the watermark has passed are dropped. */
    boolean dropsLateRows();

    /** What the rows of the static plan hold that state begins with, or null where there is none. */
    @Nullable
    InitialColumns initialColumns();
}
