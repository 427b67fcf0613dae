package dev.millrace.bench.peers.flink;

import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.api.java.tuple.Tuple4;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** User code over keyed state: for each row of a card, how many there were and the highest amount so far. */
final class CardTotals
        extends KeyedProcessFunction<Integer, Tuple3<Integer, Double, Long>, Tuple4<Integer, Long, Double, Long>> {
    private static final long serialVersionUID = 1L;

    /** Flink calls {@link #open} before all else. */
    @SuppressWarnings("NullAway.Init")
    private transient ValueState<Tuple2<Long, Double>> totals;

    /** Behind rows of card, amount and stamp. */
    static SingleOutputStreamOperator<Tuple4<Integer, Long, Double, Long>> of(
            DataStream<Tuple3<Integer, Double, Long>> rows) {
        return rows.keyBy(row -> row.f0, Types.INT)
                .process(new CardTotals())
                .returns(Types.TUPLE(Types.INT, Types.LONG, Types.DOUBLE, Types.LONG));
    }

    @Override
    public void open(OpenContext context) {
        totals = getRuntimeContext()
                .getState(new ValueStateDescriptor<>("totals", Types.TUPLE(Types.LONG, Types.DOUBLE)));
    }

    @Override
    public void processElement(
            Tuple3<Integer, Double, Long> row, Context context, Collector<Tuple4<Integer, Long, Double, Long>> output)
            throws Exception {
        Tuple2<Long, Double> before = totals.value();
        Tuple2<Long, Double> now =
                before == null ? Tuple2.of(1L, row.f1) : Tuple2.of(before.f0 + 1, Math.max(before.f1, row.f1));
        totals.update(now);
        output.collect(Tuple4.of(row.f0, now.f0, now.f1, row.f2));
    }
}
