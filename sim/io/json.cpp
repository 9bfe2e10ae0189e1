#include "io/json.hpp"

#include "base/errors.hpp"
#include "base/overloaded.hpp"
#include "io/text_file.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace moesaic::io {

namespace {

using Written = nlohmann::ordered_json;

Written written(Json const& json) {
    return std::visit(overloaded{[](std::monostate) { return Written{}; },
                                 [](double number) {
                                     expects(std::isfinite(number), "a JSON number is finite");
                                     return Written(number);
                                 },
                                 [](Json::Array const& array) {
                                     auto out = Written::array();
                                     for (auto const& element : array) {
                                         out.push_back(written(element));
                                     }
                                     return out;
                                 },
                                 [](Json::Object const& object) {
                                     auto out = Written::object();
                                     for (auto const& [key, element] : object) {
                                         out.push_back({key, written(element)});
                                     }
                                     return out;
                                 },
                                 [](auto const& scalar) { return Written(scalar); }},
                      json.value());
}

Json read(Written const& value) {
    if (value.is_object()) {
        auto out = Json::object();
        for (auto const& [key, element] : value.items()) {
            out.set(key, read(element));
        }
        return out;
    }
    if (value.is_array()) {
        auto out = Json::array();
        for (auto const& element : value) {
            out.add(read(element));
        }
        return out;
    }
    if (value.is_string()) {
        return value.get<std::string>();
    }
    if (value.is_boolean()) {
        return value.get<bool>();
    }
    if (value.is_number_integer()) {
        return value.get<std::int64_t>();
    }
    return value.is_number() ? Json{value.get<double>()} : Json{};
}

} // namespace

Json Json::object() {
    Json out;
    out.value_ = Object{};
    return out;
}

Json Json::array() {
    Json out;
    out.value_ = Array{};
    return out;
}

Json& Json::set(std::string key, Json value) {
    auto* object = std::get_if<Object>(&value_);
    expects(object != nullptr, "set() is for JSON objects");
    expects(std::ranges::none_of(*object, [&](auto const& entry) { return entry.first == key; }),
            "a JSON key is set once");
    object->emplace_back(std::move(key), std::move(value));
    return *this;
}

Json& Json::add(Json value) {
    auto* array = std::get_if<Array>(&value_);
    expects(array != nullptr, "add() is for JSON arrays");
    array->push_back(std::move(value));
    return *this;
}

/// Text that is no UTF-8 gets replacement characters, since JSON cannot hold it.
std::string Json::text() const {
    return written(*this).dump(2, ' ', false, Written::error_handler_t::replace);
}

std::string Json::line() const {
    return written(*this).dump(-1, ' ', false, Written::error_handler_t::replace);
}

Json read_json_file(std::string const& path) {
    auto const text = read_text_file(path);
    try {
        return read(Written::parse(text));
    } catch (Written::parse_error const& error) {
        throw InputError{Origin::whole_file(path), fmt::format("is no JSON from byte {} on", error.byte),
                         "The output of a moesaic command with --json is"};
    }
}

} // namespace moesaic::io
