package dev.millrace.spark.fragment;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.metrics.OperatorMetrics;
import dev.millrace.engine.operator.Operator;
import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.operator.Output;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.state.MemoryBudget;
import dev.millrace.spark.LocalSpark;
import dev.millrace.spark.scala.Scala;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.classic.Dataset;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.InputAdapter;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.WholeStageCodegenExec;
import org.apache.spark.unsafe.Platform;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class FusedFragmentSparkTest {
    private static SparkSession spark;

    @BeforeAll
    static void startSpark() {
        spark = LocalSpark.start();
    }

    @AfterAll
    static void stopSpark() {
        LocalSpark.stop(spark);
    }

    /** Takes so many rows of two longs, and then no more until {@link #makeRoom}. */
    private static final class NarrowOutput implements Output {
        private final int rowsAtOnce;
        private final List<String> rows = new ArrayList<>();
        private int room;

        NarrowOutput(int rowsAtOnce) {
            this.rowsAtOnce = rowsAtOnce;
        }

        void makeRoom() {
            room = rowsAtOnce;
        }

        @Override
        public boolean isFull() {
            return room == 0;
        }

        @Override
        public void emit(byte[] bytes, int offset, int sizeBytes) {
            assertThat(room).as("room for a row").isPositive();
            room--;
            UnsafeRow row = new UnsafeRow(2);
            row.pointTo(bytes, Platform.BYTE_ARRAY_OFFSET + (long) offset, sizeBytes);
            rows.add(row.getLong(0) + ":" + row.getLong(1));
        }
    }

    @Test
    void givesEveryRowOnceHoweverOftenTheOutputIsFull() throws Exception {
        SparkPlan generate = plan("id", "explode(sequence(0L, id % 4)) as part");
        List<String> expected = new ArrayList<>();
        for (long id = 0; id < 100; id++) {
            for (long part = 0; part <= id % 4; part++) {
                expected.add(id + ":" + part);
            }
        }
        for (int rowsAtOnce : new int[] {1, 2, 3, 7, 1_000}) {
            assertThat(run(generate, rowsAtOnce)).isEqualTo(expected);
        }
    }

    @Test
    void goesOnBehindAnInputThatRanDryAndGaveNoRow() throws Exception {
        SparkPlan filter = ((Dataset<?>) spark.range(10).where("id % 30 = 29").selectExpr("id", "id * 2 as twice"))
                .queryExecution()
                .sparkPlan();
        assertThat(run(filter, 1)).containsExactly("29:58", "59:118", "89:178");
    }

    private static SparkPlan plan(String... columns) {
        return ((Dataset<?>) spark.range(10).selectExpr(columns))
                .queryExecution()
                .sparkPlan();
    }

    /** The rows of ids 0 to 99, ten to a page. */
    private static List<String> run(SparkPlan plan, int rowsAtOnce) throws Exception {
        InputAdapter[] input = new InputAdapter[1];
        SparkPlan onInput = onInput(plan, input);
        FusedCode code = FusedCode.generate(
                        new WholeStageCodegenExec(onInput, 1),
                        input[0],
                        spark.sessionState().conf())
                .orElseThrow();
        Operator fragment = new FusedFragment.Factory(code, "under test").create();
        fragment.open(new OperatorContext(
                0, 1, 1, new MemoryBudget(Long.MAX_VALUE / 2), new OperatorMetrics(), System::currentTimeMillis, 0));
        NarrowOutput output = new NarrowOutput(rowsAtOnce);
        for (int first = 0; first < 100; first += 10) {
            RowCursor cursor = new RowCursor().pointTo(page(first));
            do {
                output.makeRoom();
            } while (!fragment.process(cursor, output));
            assertThat(cursor.hasRow()).isFalse();
        }
        fragment.close();
        return output.rows;
    }

    private static SparkPlan onInput(SparkPlan node, InputAdapter[] input) {
        SparkPlan child = node.children().head();
        if (child.children().isEmpty()) {
            input[0] = new InputAdapter(child);
            return (SparkPlan) node.withNewChildren(Scala.seq(List.of(input[0])));
        }
        return (SparkPlan) node.withNewChildren(Scala.seq(List.of(onInput(child, input))));
    }

    private static Page page(long firstId) {
        Page page = new Page();
        byte[] bytes = new byte[UnsafeRow.calculateBitSetWidthInBytes(1) + Long.BYTES];
        UnsafeRow row = new UnsafeRow(1);
        row.pointTo(bytes, bytes.length);
        for (int i = 0; i < 10; i++) {
            row.setLong(0, firstId + i);
            page.append(bytes, 0, bytes.length, Page.NO_KEY_GROUP, 0);
        }
        return page;
    }
}
