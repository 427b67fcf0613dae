package dev.millrace.spark.differential;

import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;

/** What a column holds, as far as random expressions need to know. */
enum Kind {
    LONG(DataTypes.LongType),
    INT(DataTypes.IntegerType),
    DOUBLE(DataTypes.DoubleType),
    DECIMAL(DataTypes.createDecimalType(20, 3)),
    TEXT(DataTypes.StringType),
    FLAG(DataTypes.BooleanType),
    DAY(DataTypes.DateType),
    TIME(DataTypes.TimestampType),
    LIST(DataTypes.createArrayType(DataTypes.LongType)),
    /** A struct of two times, as {@code window} makes it. */
    WINDOW(DataTypes.NullType);

    final DataType type;

    Kind(DataType type) {
        this.type = type;
    }
}
