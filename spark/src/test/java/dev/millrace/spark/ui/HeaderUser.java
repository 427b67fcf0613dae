package dev.millrace.spark.ui;

import jakarta.servlet.Filter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletResponse;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import java.io.IOException;

/** A filter of Spark's web UI that believes what a header says of the user, and notes that it was asked. */
public final class HeaderUser implements Filter {
    static final String HEADER = "X-Test-User";

    @Override
    public void doFilter(ServletRequest request, ServletResponse response, FilterChain chain)
            throws IOException, ServletException {
        HttpServletRequest asked = (HttpServletRequest) request;
        chain.doFilter(
                new HttpServletRequestWrapper(asked) {
                    @Override
                    public String getRemoteUser() {
                        return asked.getHeader(HEADER);
                    }
                },
                response);
    }
}
