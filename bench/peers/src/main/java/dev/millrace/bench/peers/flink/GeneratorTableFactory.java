package dev.millrace.bench.peers.flink;

import dev.millrace.bench.workload.Rows;
import java.util.Arrays;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.connector.source.SourceProvider;
import org.apache.flink.table.connector.source.abilities.SupportsProjectionPushDown;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.types.DataType;

/** The bench's tables for Flink's SQL: the connector {@code generator}. */
public final class GeneratorTableFactory implements DynamicTableSourceFactory {
    private static final ConfigOption<String> TABLE =
            ConfigOptions.key("table").stringType().noDefaultValue();
    private static final ConfigOption<Integer> KEYS =
            ConfigOptions.key("keys").intType().noDefaultValue();
    private static final ConfigOption<Long> ROWS =
            ConfigOptions.key("rows").longType().noDefaultValue();
    private static final ConfigOption<Integer> PARTITIONS =
            ConfigOptions.key("partitions").intType().noDefaultValue();

    private static final ConfigOption<Boolean> STAYS =
            ConfigOptions.key("stays").booleanType().noDefaultValue();

    @Override
    public String factoryIdentifier() {
        return "generator";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of(TABLE, KEYS, ROWS, PARTITIONS, STAYS);
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of();
    }

    @Override
    public DynamicTableSource createDynamicTableSource(Context context) {
        FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
        helper.validate();
        ReadableConfig options = helper.getOptions();
        Rows rows = Rows.of(options.get(TABLE), options.get(KEYS));
        int[] all = new int[rows.columns().size()];
        Arrays.setAll(all, i -> i);
        return new GeneratorTable(
                new GeneratorSource(rows, all, options.get(PARTITIONS), options.get(ROWS), options.get(STAYS)));
    }

    private static final class GeneratorTable implements ScanTableSource, SupportsProjectionPushDown {
        private GeneratorSource source;

        GeneratorTable(GeneratorSource source) {
            this.source = source;
        }

        @Override
        public ChangelogMode getChangelogMode() {
            return ChangelogMode.insertOnly();
        }

        @Override
        public ScanRuntimeProvider getScanRuntimeProvider(ScanContext context) {
            return SourceProvider.of(source, source.partitionCount());
        }

        @Override
        public boolean supportsNestedProjection() {
            return false;
        }

        @Override
        public void applyProjection(int[][] projected, DataType type) {
            int[] columns = Arrays.stream(projected).mapToInt(path -> path[0]).toArray();
            source = new GeneratorSource(
                    source.rows(), columns, source.partitionCount(), source.rowCount(), source.stays());
        }

        @Override
        public DynamicTableSource copy() {
            return new GeneratorTable(source);
        }

        @Override
        public String asSummaryString() {
            return "generator";
        }
    }
}
