package dev.millrace.spark.cluster;

/**
 * The answer to a {@link Registration}.
 *
 * @param incarnation what the worker is called from now on, never given twice; or {@link #REFUSED}
 * @param heartbeatNanos how often it is to say that it is there
 * @param refusal why it is not wanted, where it is not
 */
record Admission(long incarnation, long heartbeatNanos, String refusal) {
    static final long REFUSED = -1;

    static Admission refused(String why) {
        return new Admission(REFUSED, 0, why);
    }

    boolean isAdmitted() {
        return incarnation != REFUSED;
    }

    byte[] toBytes() {
        return new FieldWriter()
                .number(incarnation)
                .number(heartbeatNanos)
                .text(refusal)
                .toBytes();
    }

    static Admission fromBytes(byte[] message) {
        FieldReader from = new FieldReader(message);
        Admission admission = new Admission(from.longNumber(), from.longNumber(), from.text());
        from.end();
        return admission;
    }
}
