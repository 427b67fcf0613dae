package dev.millrace.spark.cluster;

import dev.millrace.spark.network.WorkerTransport.Address;

/**
 * What a worker says of itself when it asks to be one.
 *
 * @param executorId the executor that it runs in; each has one worker
 * @param exchange where other workers connect to
 * @param cpus what its task asks Spark for
 * @param pid its process
 */
record Registration(String executorId, Address exchange, int cpus, long pid) {
    byte[] toBytes() {
        return new FieldWriter()
                .text(executorId)
                .text(exchange.host())
                .number(exchange.port())
                .number(cpus)
                .number(pid)
                .toBytes();
    }

    static Registration fromBytes(byte[] message) {
        FieldReader from = new FieldReader(message);
        Registration registration = new Registration(
                from.text(), new Address(from.text(), from.number()), from.number(), from.longNumber());
        from.end();
        return registration;
    }
}
