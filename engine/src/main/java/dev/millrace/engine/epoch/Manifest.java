package dev.millrace.engine.epoch;

import dev.millrace.engine.snapshot.StateIndex;
import org.jspecify.annotations.Nullable;

/**
 * The decision that an epoch is committed, and all that it takes to do so, however often: where its
 * rows end, what commits them in the sink, where the state is. Immutable.
 *
 * @param epoch its number
 * @param run the run that decided
 * @param offsets the epoch's entry in the offset log, byte by byte
 * @param messages what commits the epoch in the sink, or null for an epoch that the sink never hears of
 * @param state the state as of its barrier
 * @param watermarkMillis the watermark that the next epoch begins with
 */
@SuppressWarnings("ArrayRecordComponent") // opaque bytes that are only handed on
public record Manifest(
        long epoch, String run, byte[] offsets, byte @Nullable [] messages, StateIndex state, long watermarkMillis)
        implements ManifestLog.Entry {}
