package dev.millrace.bench.engine;

import dev.millrace.engine.metrics.OperatorMetrics;
import dev.millrace.engine.operator.Operator;
import dev.millrace.engine.operator.OperatorContext;
import dev.millrace.engine.page.Page;
import dev.millrace.engine.page.RowCursor;
import dev.millrace.engine.state.MemoryBudget;
import dev.millrace.spark.fragment.FusedCode;
import dev.millrace.spark.fragment.FusedFragment;
import dev.millrace.spark.scala.Scala;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.execution.InputAdapter;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.WholeStageCodegenExec;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.Blackhole;

/**
 * Rows a second through one task's filter and projection over longs, in the code that Spark generates for
 * the two together, page by page; a tenth of the rows is dropped.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class FusedFragmentBenchmark {
    /** Rows in all pages of one invocation. */
    private static final int ROWS = 1_024;

    @Param({"1", "32", "1024"})
    int rowsPerPage;

    private final RowCursor cursor = new RowCursor();
    private Page[] pages = {};
    private @Nullable SparkSession spark;
    private @Nullable Operator operator;

    @Setup
    public void setUp() throws Exception {
        SparkSession session = (SparkSession) org.apache.spark.sql.SparkSession.builder()
                .master("local[1]")
                .config("spark.ui.enabled", "false")
                .config("spark.driver.host", "127.0.0.1")
                .config("spark.driver.bindAddress", "127.0.0.1")
                .getOrCreate();
        spark = session;
        SparkPlan plan = ((org.apache.spark.sql.classic.Dataset<?>)
                        session.range(10).where("id % 10 <> 3").selectExpr("id", "id * 2 AS amount"))
                .queryExecution()
                .sparkPlan();
        operator = fused(session, plan);
        operator.open(new OperatorContext(
                0, 1, 1, new MemoryBudget(Long.MAX_VALUE / 2), new OperatorMetrics(), System::currentTimeMillis, 0));
        pages = new Page[ROWS / rowsPerPage];
        SplittableRandom random = new SplittableRandom(7);
        for (int i = 0; i < pages.length; i++) {
            pages[i] = page(random);
        }
    }

    /** Puts the projection over the filter over an input that the engine fills. */
    private static Operator fused(SparkSession session, SparkPlan project) {
        SparkPlan filter = project.children().head();
        InputAdapter input = new InputAdapter(filter.children().head());
        SparkPlan onInput = (SparkPlan) filter.withNewChildren(Scala.seq(List.of(input)));
        SparkPlan top = (SparkPlan) project.withNewChildren(Scala.seq(List.of(onInput)));
        FusedCode code = FusedCode.generate(
                        new WholeStageCodegenExec(top, 1),
                        input,
                        session.sessionState().conf())
                .orElseThrow();
        return new FusedFragment.Factory(code, "filter and project").create();
    }

    private Page page(SplittableRandom random) {
        Page page = new Page();
        byte[] bytes = new byte[UnsafeRow.calculateBitSetWidthInBytes(1) + Long.BYTES];
        UnsafeRow row = new UnsafeRow(1);
        row.pointTo(bytes, bytes.length);
        for (int i = 0; i < rowsPerPage; i++) {
            row.setLong(0, random.nextLong(1_000_000));
            page.append(bytes, 0, bytes.length, Page.NO_KEY_GROUP, 0);
        }
        return page;
    }

    @Benchmark
    @OperationsPerInvocation(ROWS)
    public void rows(Blackhole blackhole) throws Exception {
        BlackholeOutput output = new BlackholeOutput(blackhole);
        for (Page page : pages) {
            opened().process(cursor.pointTo(page), output);
        }
    }

    private Operator opened() {
        return java.util.Objects.requireNonNull(operator, "set up first");
    }

    @TearDown
    public void tearDown() throws Exception {
        opened().close();
        java.util.Objects.requireNonNull(spark).stop();
    }
}
