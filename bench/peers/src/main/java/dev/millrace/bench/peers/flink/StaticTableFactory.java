package dev.millrace.bench.peers.flink;

import dev.millrace.bench.workload.NexmarkQueries;
import dev.millrace.bench.workload.Workloads;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.LookupTableSource;
import org.apache.flink.table.connector.source.lookup.LookupFunctionProvider;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.LookupFunction;

/** Static tables of two columns, looked up in memory by the first: the connector {@code static}, by the table's name. */
public final class StaticTableFactory implements DynamicTableSourceFactory {
    @Override
    public String factoryIdentifier() {
        return "static";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of();
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of();
    }

    @Override
    public DynamicTableSource createDynamicTableSource(Context context) {
        return new StaticTable(context.getObjectIdentifier().getObjectName().equals("merchants"));
    }

    private record StaticTable(boolean merchants) implements LookupTableSource {
        @Override
        public LookupRuntimeProvider getLookupRuntimeProvider(LookupContext context) {
            return LookupFunctionProvider.of(new Lookup(merchants));
        }

        @Override
        public DynamicTableSource copy() {
            return this;
        }

        @Override
        public String asSummaryString() {
            return "static";
        }
    }

    /** Finds a row by its first column. */
    public static final class Lookup extends LookupFunction {
        private static final long serialVersionUID = 1L;

        private final boolean merchants;
        private transient Map<Object, Collection<RowData>> rows = new HashMap<>();

        Lookup(boolean merchants) {
            this.merchants = merchants;
        }

        @Override
        public void open(FunctionContext context) {
            rows = new HashMap<>();
            for (int i = 0; i < (merchants ? Workloads.MERCHANT_COUNT : NexmarkQueries.SIDE_COUNT); i++) {
                Object key = merchants ? StringData.fromString("m" + i) : (Object) (long) i;
                StringData value = StringData.fromString(merchants ? "c" + i % 10 : "side " + i);
                rows.put(key, List.of(GenericRowData.of(key, value)));
            }
        }

        @Override
        public Collection<RowData> lookup(RowData key) {
            Object found = merchants ? key.getString(0) : (Object) key.getLong(0);
            return rows.getOrDefault(found, List.of());
        }
    }
}
