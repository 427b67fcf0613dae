/** The finished bundle beside what other people make for Spark. */
package dev.millrace.connectors;
