package dev.millrace.examples.demo;

/** The demo cannot go on; the message is for the user. */
final class DemoException extends Exception {
    private static final long serialVersionUID = 1L;

    DemoException(String message) {
        super(message);
    }
}
