package dev.millrace.engine.graph;

import java.util.Random;

/**
 * What is not run but modelled when many workers are simulated: how long things take.
 *
 * @param latencyNanos of a network between any two machines, one way, without load
 * @param jitterNanos what the network adds to it on average, drawn for each frame
 * @param frameNanos what a worker's event loop needs to send a frame without rows, and to receive one
 * @param lookNanos what a task needs to look at one of its channels
 * @param messageNanos what the driver needs to send a message, and to receive one and hand it on
 * @param storageNanos for a file to be created on storage, whatever its size
 * @param storageBytesPerSecond at which it takes a file's bytes beside that
 */
record ScaleModel(
        long latencyNanos,
        long jitterNanos,
        long frameNanos,
        long lookNanos,
        long messageNanos,
        long storageNanos,
        long storageBytesPerSecond) {
    /** A data centre's network, and storage that is reached over it. */
    static final ScaleModel DATA_CENTRE = new ScaleModel(100_000, 50_000, 1_000, 5, 20_000, 20_000_000, 100_000_000);

    /** How long a frame or message is under way. */
    long underWayNanos(Random random) {
        return latencyNanos + (long) (-Math.log(1 - random.nextDouble()) * jitterNanos);
    }

    /** How long it takes until a file is there. */
    long storedNanos(long sizeBytes) {
        return storageNanos + sizeBytes * 1_000_000_000 / storageBytesPerSecond;
    }
}
