package dev.millrace.spark.aggregate;

import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.AttributeReference;
import org.apache.spark.sql.catalyst.expressions.BasePredicate;
import org.apache.spark.sql.catalyst.expressions.BindReferences;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.If;
import org.apache.spark.sql.catalyst.expressions.JoinedRow;
import org.apache.spark.sql.catalyst.expressions.MutableProjection;
import org.apache.spark.sql.catalyst.expressions.Predicate$;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.catalyst.expressions.aggregate.AggregateExpression;
import org.apache.spark.sql.catalyst.expressions.aggregate.AggregateFunction;
import org.apache.spark.sql.catalyst.expressions.aggregate.DeclarativeAggregate;
import org.apache.spark.sql.catalyst.expressions.aggregate.Final$;
import org.apache.spark.sql.catalyst.expressions.aggregate.ImperativeAggregate;
import org.apache.spark.sql.catalyst.expressions.aggregate.NoOp$;
import org.apache.spark.sql.catalyst.expressions.aggregate.TypedImperativeAggregate;
import org.apache.spark.sql.catalyst.expressions.package$;
import org.apache.spark.sql.types.DataType;
import org.jspecify.annotations.Nullable;

/**
 * The functions of one aggregation over one shared buffer, whose fields stand in the functions' order.
 * Declarative functions are compiled into one projection that writes all of their fields; imperative
 * ones change their own fields.
 *
 * <p>Thread: the owning task. Source: Spark's AggregationIterator.
 */
final class FunctionSet {
    /** A function that changes its fields itself, where its filter lets the row pass. */
    private record Imperative(
            int index, int bufferOffset, ImperativeAggregate function, @Nullable BasePredicate filter) {}

    private final List<AggregateExpression> expressions;
    private final List<Attribute> bufferAttributes = new ArrayList<>();
    private final List<Expression> updates = new ArrayList<>();
    private final DataType[] bufferTypes;
    private final Imperative[] imperatives;
    private final @Nullable MutableProjection declarativeUpdate;
    private final MutableProjection initial;
    private final JoinedRow bothBuffers = new JoinedRow();
    private @Nullable MutableProjection declarativeMerge;

    FunctionSet(List<AggregateExpression> expressions, List<Attribute> input) {
        this.expressions = expressions;
        List<Expression> initialValues = new ArrayList<>();
        List<Imperative> found = new ArrayList<>();
        for (int i = 0; i < expressions.size(); i++) {
            AggregateExpression expression = expressions.get(i);
            AggregateFunction function = expression.aggregateFunction();
            int offset = bufferAttributes.size();
            bufferAttributes.addAll(Scala.<AttributeReference>list(function.aggBufferAttributes()));
            if (function instanceof DeclarativeAggregate declarative) {
                initialValues.addAll(Scala.<Expression>list(declarative.initialValues()));
                updates.addAll(updates(expression, declarative));
            } else {
                for (int field = offset; field < bufferAttributes.size(); field++) {
                    initialValues.add(NoOp$.MODULE$);
                    updates.add(NoOp$.MODULE$);
                }
                found.add(imperative(i, offset, expression, input));
            }
        }
        bufferTypes = bufferAttributes.stream().map(Attribute::dataType).toArray(DataType[]::new);
        imperatives = found.toArray(new Imperative[0]);
        initial = MutableProjection.create(Scala.seq(initialValues), Scala.emptySeq());
        declarativeUpdate = found.size() == expressions.size() ? null : updateProjection(updates, input);
    }

    /** By a row, or where the first half of the aggregation is done elsewhere, by a buffer of it. */
    private static List<Expression> updates(AggregateExpression expression, DeclarativeAggregate function) {
        if (expression.mode() == Final$.MODULE$) {
            return Scala.list(function.mergeExpressions());
        }
        List<Expression> updates = Scala.list(function.updateExpressions());
        if (expression.filter().isDefined()) {
            for (int i = 0; i < updates.size(); i++) {
                Expression before = function.aggBufferAttributes().apply(i);
                updates.set(i, new If(expression.filter().get(), updates.get(i), before));
            }
        }
        return updates;
    }

    /** Binding makes a new instance, so it comes before the buffer's offset is set. */
    private static Imperative imperative(int index, int offset, AggregateExpression expression, List<Attribute> input) {
        ImperativeAggregate bound = BindReferences.bindReference(
                (ImperativeAggregate) expression.aggregateFunction(),
                package$.MODULE$.AttributeSeq(Scala.seq(input)),
                false);
        BasePredicate filter = null;
        if (expression.filter().isDefined()) {
            filter = Predicate$.MODULE$.create(expression.filter().get(), Scala.seq(input));
            filter.initialize(0);
        }
        ImperativeAggregate placed = bound.withNewMutableAggBufferOffset(offset).withNewInputAggBufferOffset(offset);
        return new Imperative(index, offset, placed, filter);
    }

    private MutableProjection updateProjection(List<Expression> updates, List<Attribute> input) {
        List<Attribute> bufferAndInput = new ArrayList<>(bufferAttributes);
        bufferAndInput.addAll(input);
        MutableProjection projection = MutableProjection.create(Scala.seq(updates), Scala.seq(bufferAndInput));
        projection.initialize(0);
        return projection;
    }

    List<Attribute> bufferAttributes() {
        return bufferAttributes;
    }

    DataType[] bufferTypes() {
        return bufferTypes.clone();
    }

    /** Whether a buffer of bytes can be changed in place: no field is an object or grows. */
    boolean fitsInBytes() {
        return Arrays.stream(bufferTypes).allMatch(UnsafeRow::isMutable)
                && Arrays.stream(imperatives).noneMatch(one -> one.function instanceof TypedImperativeAggregate);
    }

    /** What each buffer field becomes, over buffer and row; nothing for imperative functions' fields. */
    List<Expression> updates() {
        return updates;
    }

    boolean hasImperatives() {
        return imperatives.length > 0;
    }

    /** Writes the values of a fresh buffer. */
    void initialize(InternalRow buffer) {
        initial.target(buffer).apply(InternalRow.empty());
        for (Imperative one : imperatives) {
            one.function.initialize(buffer);
        }
    }

    /** Makes {@code buffer} what {@link #update} changes from now on. */
    void target(InternalRow buffer) {
        if (declarativeUpdate != null) {
            declarativeUpdate.target(buffer);
        }
    }

    /**
     * Changes the targeted buffer by a row.
     *
     * @param buffer the buffer that was targeted
     * @param row the row
     * @param joined the two side by side
     */
    void update(InternalRow buffer, InternalRow row, InternalRow joined) {
        if (declarativeUpdate != null) {
            declarativeUpdate.apply(joined);
        }
        for (Imperative one : imperatives) {
            if (one.filter == null || one.filter.eval(row)) {
                one.function.update(buffer, row);
            }
        }
    }

    /** Changes a buffer by all rows of another one, which is of no use then. */
    void merge(InternalRow buffer, InternalRow other) {
        if (declarativeUpdate != null) {
            if (declarativeMerge == null) {
                declarativeMerge = mergeProjection();
            }
            declarativeMerge.target(buffer).apply(bothBuffers.apply(buffer, other));
        }
        for (Imperative one : imperatives) {
            if (one.function instanceof TypedImperativeAggregate<?> typed) {
                typed.mergeBuffersObjects(buffer, other);
            } else {
                one.function.merge(buffer, other);
            }
        }
    }

    /** Over both buffers side by side. Made when it is first asked for: few aggregations merge. */
    private MutableProjection mergeProjection() {
        List<Attribute> both = new ArrayList<>(bufferAttributes);
        List<Expression> merges = new ArrayList<>();
        for (AggregateExpression expression : expressions) {
            AggregateFunction function = expression.aggregateFunction();
            List<AttributeReference> fields = Scala.list(function.inputAggBufferAttributes());
            both.addAll(fields);
            if (function instanceof DeclarativeAggregate declarative) {
                merges.addAll(Scala.<Expression>list(declarative.mergeExpressions()));
            } else {
                fields.forEach(field -> merges.add(NoOp$.MODULE$));
            }
        }
        MutableProjection projection = MutableProjection.create(Scala.seq(merges), Scala.seq(both));
        projection.initialize(0);
        return projection;
    }

    /** What each function makes of its fields, by position; nothing for imperative ones. */
    List<Expression> evaluations() {
        List<Expression> evaluations = new ArrayList<>();
        for (AggregateExpression expression : expressions) {
            evaluations.add(
                    expression.aggregateFunction() instanceof DeclarativeAggregate declarative
                            ? declarative.evaluateExpression()
                            : NoOp$.MODULE$);
        }
        return evaluations;
    }

    /** Puts the imperative functions' results at their positions. */
    void evaluateImperatives(InternalRow buffer, InternalRow results) {
        for (Imperative one : imperatives) {
            results.update(one.index, one.function.eval(buffer));
        }
    }

    /** Turns the objects among a copied buffer's fields into bytes. */
    void serializeObjects(InternalRow copy) {
        for (Imperative one : imperatives) {
            if (one.function instanceof TypedImperativeAggregate<?> typed) {
                typed.serializeAggregateBufferInPlace(copy);
            }
        }
    }

    /** Fills a buffer from the fields of {@code bytes}, as {@link #serializeObjects} left them. */
    void restore(InternalRow buffer, UnsafeRow bytes) {
        for (int i = 0; i < bufferTypes.length; i++) {
            if (bytes.isNullAt(i)) {
                buffer.setNullAt(i);
            } else {
                buffer.update(i, InternalRow.copyValue(bytes.get(i, bufferTypes[i])));
            }
        }
        for (Imperative one : imperatives) {
            if (one.function instanceof TypedImperativeAggregate<?> typed) {
                byte[] field = Objects.requireNonNull(bytes.getBinary(one.bufferOffset));
                buffer.update(one.bufferOffset, typed.deserialize(field));
            }
        }
    }
}
