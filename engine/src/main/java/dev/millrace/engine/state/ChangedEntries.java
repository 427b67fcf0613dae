package dev.millrace.engine.state;

import java.util.Arrays;

/**
 * The entries of a table that changed in one epoch, so that a snapshot of these looks at no others.
 *
 * <p>Layout: a bit for each address, in words of 64.
 *
 * <p>Thread: the owning task. Bounds: a 64th of the arena, at most doubled; taken even beyond the budget, for what
 * is there has to change when memory is short.
 */
final class ChangedEntries {
    /** Addresses of one word, as a shift. */
    private static final int WORD_SHIFT = 6;

    private static final long[] NO_WORDS = new long[0];

    private final StateLedger ledger;
    private long[] words = NO_WORDS;

    ChangedEntries(StateLedger ledger) {
        this.ledger = ledger;
    }

    void add(int entry) {
        int word = entry >>> WORD_SHIFT;
        if (word >= words.length) {
            int capacity = Math.max(word + 1, words.length * 2);
            ledger.takeBeyondLimit(sizeBytes(capacity) - sizeBytes(words.length));
            words = Arrays.copyOf(words, capacity);
        }
        words[word] |= 1L << entry;
    }

    boolean contains(int entry) {
        int word = entry >>> WORD_SHIFT;
        return word < words.length && (words[word] & 1L << entry) != 0;
    }

    void remove(int entry) {
        int word = entry >>> WORD_SHIFT;
        if (word < words.length) {
            words[word] &= ~(1L << entry);
        }
    }

    /** The first entry that is not before an address, or {@link EntryArena#NONE}. */
    int next(int address) {
        int word = address >>> WORD_SHIFT;
        if (word >= words.length) {
            return EntryArena.NONE;
        }
        long left = words[word] & -1L << address;
        while (left == 0) {
            if (++word == words.length) {
                return EntryArena.NONE;
            }
            left = words[word];
        }
        return (word << WORD_SHIFT) + Long.numberOfTrailingZeros(left);
    }

    /** How many words lie between two addresses. */
    static int words(int from, int to) {
        return (to >>> WORD_SHIFT) - (from >>> WORD_SHIFT);
    }

    /** Forgets all entries and gives the memory back. */
    void clear() {
        ledger.giveBack(sizeBytes(words.length));
        words = NO_WORDS;
    }

    private static long sizeBytes(int words) {
        return words == 0 ? 0 : StateLedger.ARRAY_HEADER_BYTES + (long) words * Long.BYTES;
    }
}
