package dev.millrace.spark.scala;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import scala.Function1;
import scala.Option;
import scala.PartialFunction;
import scala.Tuple2;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.AbstractPartialFunction;

/**
 * Bridges from Java to Scala's collections, options and partial functions, and back. All copies are
 * shallow; nothing here keeps a view of a mutable collection.
 *
 * <p>Thread: any.
 */
public final class Scala {
    private Scala() {}

    @SafeVarargs
    public static <T> Seq<T> seq(T... elements) {
        return seq(Arrays.asList(elements));
    }

    /** An immutable Scala sequence of a list's elements. Scala's sequences are covariant, hence the cast. */
    @SuppressWarnings("unchecked")
    public static <T> Seq<T> seq(List<? extends T> elements) {
        return (Seq<T>) CollectionConverters.asScala(new ArrayList<>(elements)).toSeq();
    }

    public static <T> Seq<T> emptySeq() {
        return seq(List.of());
    }

    /** A mutable Java list of a Scala collection's elements. */
    public static <T> List<T> list(scala.collection.Iterable<? extends T> elements) {
        List<T> copy = new ArrayList<>();
        scala.collection.Iterator<? extends T> iterator = elements.iterator();
        while (iterator.hasNext()) {
            copy.add(iterator.next());
        }
        return copy;
    }

    /** A mutable Java map in the Scala map's order. */
    @SuppressWarnings("unchecked")
    public static <K, V> Map<K, V> map(scala.collection.Map<K, ? extends V> entries) {
        return new LinkedHashMap<>((Map<K, V>) CollectionConverters.asJava(entries));
    }

    public static <K, V> scala.collection.immutable.Map<K, V> immutableMap(Map<K, V> entries) {
        List<Tuple2<K, V>> pairs = new ArrayList<>(entries.size());
        entries.forEach((key, value) -> pairs.add(new Tuple2<>(key, value)));
        return scala.collection.immutable.Map$.MODULE$.from(seq(pairs));
    }

    /** Some, or none for null. */
    public static <T> Option<T> option(@Nullable T value) {
        return Option.apply(value);
    }

    public static <T> Option<T> none() {
        return Option.empty();
    }

    public static <T> Optional<T> optional(Option<T> option) {
        return option.isDefined() ? Optional.ofNullable(option.get()) : Optional.empty();
    }

    /** A partial function that maps what {@code when} accepts, for {@code transform} on plans and expressions. */
    public static <A> PartialFunction<A, A> rule(Predicate<A> when, UnaryOperator<A> then) {
        return new AbstractPartialFunction<>() {
            @Override
            public boolean isDefinedAt(A value) {
                return when.test(value);
            }

            @Override
            public A apply(A value) {
                return then.apply(value);
            }

            @Override
            @SuppressWarnings("unchecked")
            public <A1 extends A, B1> B1 applyOrElse(A1 value, Function1<A1, B1> otherwise) {
                return when.test(value) ? (B1) then.apply(value) : otherwise.apply(value);
            }
        };
    }

    /** A cast that the Java compiler cannot follow, mostly for Scala's variance. */
    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
    public static <T> T cast(Object value) {
        return (T) value;
    }

    /**
     * Throws anything without wrapping it, as Scala does: Spark tells failures and interrupts apart by
     * their class. Declared to return so that callers can write {@code throw}.
     */
    public static RuntimeException sneaky(Throwable throwable) {
        return Scala.<RuntimeException>raise(throwable);
    }

    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
    private static <E extends Throwable> E raise(Throwable throwable) throws E {
        throw (E) throwable;
    }
}
