#include "base/errors.hpp"
#include "io/protobuf.hpp"
#include "timing/profile.hpp"

#include <cctype>
#include <charconv>
#include <unordered_map>
#include <utility>

namespace moesaic::timing {

std::int64_t parse_dimension(std::string_view text) {
    std::int64_t size = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    return error == std::errc{} && end == text.data() + text.size() ? size : 0;
}

std::vector<ArrayShape> parse_shapes(std::string_view text) {
    std::vector<ArrayShape> out;
    int depth = 0;
    bool nested = false; ///< a list of arrays is as good as none
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '[') {
            ++depth;
            if (depth == 2) {
                out.emplace_back();
                nested = false;
            }
            nested = nested || depth > 2;
        } else if (text[i] == ']') {
            --depth;
            if (depth == 1 && nested) {
                out.back().clear();
            }
        } else if (depth == 1 && text[i] == '"' && i + 1 < text.size()) {
            out.emplace_back(); // an argument that is no array
            i = text.find('"', i + 1);
            if (i == std::string_view::npos) {
                break;
            }
        } else if (depth == 2 && (text[i] == '-' || std::isdigit(static_cast<unsigned char>(text[i])) != 0)) {
            auto const word = text.substr(i, text.find_first_of(",] \t\n", i) - i);
            out.back().push_back(parse_dimension(word));
            i += word.size() - 1;
        }
    }
    return out;
}

std::vector<std::string> parse_type_list(std::string_view text) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '"' || text[i] == '\'') {
            auto const end = text.find(text[i], i + 1);
            if (end == std::string_view::npos) {
                break;
            }
            out.emplace_back(text.substr(i + 1, end - i - 1));
            i = end;
        }
    }
    return out;
}

namespace {

using io::ProtobufField;

/// Numbers of the schema et_def.proto (MLCommons Chakra).
namespace node_field {
constexpr int id = 1, name = 2, type = 3, control_dependency = 4, data_dependency = 5, start_us = 6,
              duration_us = 7, inputs = 8, outputs = 9, attribute = 10;
}
namespace io_field {
constexpr int shapes = 2, types = 3;
}
namespace attribute_field {
constexpr int name = 1, bool_value = 27;
}
constexpr std::uint64_t compute_node = 4;
constexpr std::size_t most_operations = 20'000'000;

struct Operation {
    std::string name;
    std::vector<ArrayShape> inputs, outputs;
    std::vector<std::string> types;
    std::int64_t run = -1; ///< which of the file
};

struct Node {
    std::uint64_t id = 0, type = 0, start_us = 0, duration_us = 0;
    std::vector<std::uint64_t> depends_on;
    Operation operation;
    bool on_cpu = false;
};

void read_arrays(std::string_view message, std::vector<ArrayShape>& shapes, std::vector<std::string>* types) {
    (void)io::read_message(message, [&](ProtobufField const& field) {
        if (field.number == io_field::shapes) {
            shapes = parse_shapes(field.bytes);
        } else if (field.number == io_field::types && types != nullptr) {
            *types = parse_type_list(field.bytes);
        }
    });
}

void read_attribute(std::string_view message, Node& node) {
    std::string_view name;
    bool value = false;
    (void)io::read_message(message, [&](ProtobufField const& field) {
        name = field.number == attribute_field::name ? field.bytes : name;
        value = field.number == attribute_field::bool_value ? field.value != 0 : value;
    });
    node.on_cpu = node.on_cpu || (name == "is_cpu_op" && value);
}

/// none where the message is no node (the file begins with its metadata)
bool read_node(std::string_view message, Node& node) {
    bool const whole = io::read_message(message, [&](ProtobufField const& field) {
        switch (field.number) {
        case node_field::id:
            node.id = field.value;
            break;
        case node_field::name:
            node.operation.name = field.bytes;
            break;
        case node_field::type:
            node.type = field.value;
            break;
        case node_field::control_dependency:
        case node_field::data_dependency:
            io::read_packed(field, [&](std::uint64_t id) { node.depends_on.push_back(id); });
            break;
        case node_field::start_us:
            node.start_us = field.value;
            break;
        case node_field::duration_us:
            node.duration_us = field.value;
            break;
        case node_field::inputs:
            read_arrays(field.bytes, node.operation.inputs, &node.operation.types);
            break;
        case node_field::outputs:
            read_arrays(field.bytes, node.operation.outputs, nullptr);
            break;
        case node_field::attribute:
            read_attribute(field.bytes, node);
            break;
        default:
            break;
        }
    });
    return whole && node.type != 0;
}

TracedKernel kernel_of_node(Node const& node, Operation const& operation) {
    TracedKernel out;
    out.name = node.operation.name;
    out.launched_by = operation.name;
    out.inputs = operation.inputs;
    out.outputs = operation.outputs;
    out.input_types = operation.types;
    out.operation_run = operation.run;
    out.time = Seconds{static_cast<double>(node.duration_us) * 1e-6};
    out.launched = out.start = static_cast<double>(node.start_us) * 1e-6;
    return out;
}

} // namespace

void read_chakra_trace(std::string const& path, TakeKernel const& each) {
    std::unordered_map<std::uint64_t, Operation> operations;
    std::int64_t kernels = 0;
    bool first = true;
    io::read_delimited_messages(path, [&](std::string_view message) {
        if (std::exchange(first, false)) {
            return; // metadata
        }
        Node node;
        if (!read_node(message, node)) {
            throw InputError{Origin::whole_file(path),
                             "holds a message that is no node of an execution trace"};
        }
        if (node.on_cpu) {
            node.operation.run = static_cast<std::int64_t>(operations.size());
            operations.emplace(node.id, std::move(node.operation));
            if (operations.size() > most_operations) {
                throw InputError{Origin::whole_file(path), "has more operations than are held",
                                 "Trace fewer steps"};
            }
            return;
        }
        if (node.duration_us == 0 || node.type < compute_node) {
            return;
        }
        ++kernels;
        auto const* operation = &node.operation;
        for (auto const id : node.depends_on) {
            auto const at = operations.find(id);
            operation = at != operations.end() && operation->inputs.empty() ? &at->second : operation;
        }
        each(kernel_of_node(node, *operation));
    });
    if (kernels == 0) {
        throw InputError{Origin::whole_file(path), "holds no nodes with a duration on the device"};
    }
}

} // namespace moesaic::timing
