#include "base/date.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;

TEST_CASE("a date is read and written as ISO 8601", "[base]") {
    CHECK(iso_text(*parse_date("2025-04-15")) == "2025-04-15");
    CHECK(*parse_date("2024-02-29") < *parse_date("2024-03-01"));
    for (auto const* wrong :
         {"2025-02-29", "2025-13-01", "2025-4-15", "2025-04-15x", "2025-04", "x", "", "20250415"}) {
        INFO(wrong);
        CHECK_FALSE(parse_date(wrong));
    }
}

TEST_CASE("a date known to the year, quarter or month spans all its days", "[base]") {
    CHECK(parse_date_span("2023") == DateSpan{*parse_date("2023-01-01"), *parse_date("2023-12-31")});
    CHECK(parse_date_span("2026-Q1") == DateSpan{*parse_date("2026-01-01"), *parse_date("2026-03-31")});
    CHECK(parse_date_span("2024-02") == DateSpan{*parse_date("2024-02-01"), *parse_date("2024-02-29")});
    for (auto const* text : {"2023", "2026-Q1", "2024-02", "2025-04-15"}) {
        CHECK(iso_text(*parse_date_span(text)) == text);
    }
    CHECK_FALSE(parse_date_span("2026-Q5"));
    CHECK_FALSE(parse_date_span("2026/01"));
}
