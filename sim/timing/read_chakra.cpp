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
    FrameworkCall call;
    std::vector<ArrayShape> outputs;
    std::int64_t run = -1; ///< which of the file
    std::uint64_t start_us = 0, end_us = 0;
    std::vector<std::uint64_t> launched_after;
};
using Operations = std::unordered_map<std::uint64_t, Operation>;

struct Node {
    std::uint64_t id = 0, type = 0, start_us = 0, duration_us = 0;
    std::vector<std::uint64_t> launched_after,
        needs; ///< control and data dependencies, in the order of the file
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
            node.operation.call.name = field.bytes;
            break;
        case node_field::type:
            node.type = field.value;
            break;
        case node_field::control_dependency:
            io::read_packed(field, [&](std::uint64_t id) { node.launched_after.push_back(id); });
            break;
        case node_field::data_dependency:
            io::read_packed(field, [&](std::uint64_t id) { node.needs.push_back(id); });
            break;
        case node_field::start_us:
            node.start_us = field.value;
            break;
        case node_field::duration_us:
            node.duration_us = field.value;
            break;
        case node_field::inputs:
            read_arrays(field.bytes, node.operation.call.inputs, &node.operation.call.types);
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

/// Of these, the operation that began last: those before it had ended when the node was launched. One without inputs (a
/// call of the driver) is passed over, as no rule could tell what it launched.
Operation const* last_begun(std::vector<std::uint64_t> const& ids, Operations const& operations) {
    Operation const* out = nullptr;
    for (auto const id : ids) {
        auto const at = operations.find(id);
        bool const later = at != operations.end() && !at->second.call.inputs.empty() &&
                           (out == nullptr || at->second.start_us >= out->start_us);
        out = later ? &at->second : out;
    }
    return out;
}

/// Operations name the one around them as what they were launched after; its time tells it from one before.
void add_outer(TracedKernel& kernel, Operation const& innermost, Operations const& operations) {
    constexpr std::size_t deepest = 64; // a file may go in circles
    auto const* inner = &innermost;
    while (kernel.within.size() < deepest) {
        auto const* outer = last_begun(inner->launched_after, operations);
        if (outer == nullptr || outer->start_us > inner->start_us || outer->end_us < inner->end_us) {
            return;
        }
        kernel.within.push_back({&outer->call, outer->run});
        inner = outer;
    }
}

TracedKernel kernel_of_node(Node const& node, Operations const& operations) {
    auto const* launcher =
        node.operation.call.inputs.empty() ? last_begun(node.launched_after, operations) : &node.operation;
    launcher = launcher ? launcher : last_begun(node.needs, operations);
    auto const& operation = launcher ? *launcher : node.operation;
    TracedKernel out;
    out.name = node.operation.call.name;
    out.launched_by = operation.call.name;
    out.inputs = operation.call.inputs;
    out.outputs = operation.outputs;
    out.input_types = operation.call.types;
    out.operation_run = operation.run;
    out.time = Seconds{static_cast<double>(node.duration_us) * 1e-6};
    out.launched = out.start = static_cast<double>(node.start_us) * 1e-6;
    if (launcher != nullptr && launcher != &node.operation) {
        add_outer(out, operation, operations);
    }
    return out;
}

/// The nodes of a file in its order, without its metadata.
void read_nodes(std::string const& path, std::function<void(Node&)> const& each) {
    bool first = true;
    io::read_delimited_messages(path, [&](std::string_view message) {
        if (std::exchange(first, false)) {
            return;
        }
        Node node;
        if (!read_node(message, node)) {
            throw InputError{Origin::whole_file(path),
                             "holds a message that is no node of an execution trace"};
        }
        each(node);
    });
}

Operations read_operations(std::string const& path) {
    Operations out;
    read_nodes(path, [&](Node& node) {
        if (!node.on_cpu) {
            return;
        }
        node.operation.run = static_cast<std::int64_t>(out.size());
        node.operation.start_us = node.start_us;
        node.operation.end_us = node.start_us + node.duration_us;
        node.operation.launched_after = std::move(node.launched_after);
        out.emplace(node.id, std::move(node.operation));
        if (out.size() > most_operations) {
            throw InputError{Origin::whole_file(path), "has more operations than are held",
                             "Trace fewer steps"};
        }
    });
    return out;
}

} // namespace

void read_chakra_trace(std::string const& path, TakeKernel const& each) {
    refuse_pipe(path);
    // a kernel may stand before what launched it
    auto const operations = read_operations(path);
    std::int64_t with_time = 0;
    read_nodes(path, [&](Node const& node) {
        if (!node.on_cpu && node.type >= compute_node) {
            with_time += node.duration_us > 0 ? 1 : 0;
            each(kernel_of_node(node, operations));
        }
    });
    if (with_time == 0) {
        throw InputError{Origin::whole_file(path), "holds no nodes with a duration on the device"};
    }
}

} // namespace moesaic::timing
