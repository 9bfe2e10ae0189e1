#include "io/hdf5.hpp"

#include "base/errors.hpp"
#include "base/overloaded.hpp"
#include "io/output_place.hpp"
#include "io/text_file.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <hdf5.h>
#include <unistd.h>
#include <utility>

namespace moesaic::io {

namespace {

/// Owns one id of the HDF5 library and closes it.
template <herr_t (*Close)(hid_t)>
class H5Handle {
  public:
    H5Handle() = default;
    explicit H5Handle(hid_t id) : id_{id} {}
    H5Handle(H5Handle&& other) noexcept : id_{std::exchange(other.id_, H5I_INVALID_HID)} {}
    H5Handle& operator=(H5Handle&& other) noexcept {
        std::swap(id_, other.id_);
        return *this;
    }
    ~H5Handle() {
        if (id_ >= 0) {
            Close(id_);
        }
    }
    [[nodiscard]] hid_t get() const { return id_; }
    [[nodiscard]] bool ok() const { return id_ >= 0; }

  private:
    hid_t id_ = H5I_INVALID_HID;
};

using H5File = H5Handle<H5Fclose>;
using H5Group = H5Handle<H5Gclose>;
using H5Dataset = H5Handle<H5Dclose>;
using H5Space = H5Handle<H5Sclose>;
using H5Type = H5Handle<H5Tclose>;
using H5Attribute = H5Handle<H5Aclose>;
using H5Properties = H5Handle<H5Pclose>;

/// A text of any length, UTF-8.
H5Type text_type() {
    H5Type type{H5Tcopy(H5T_C_S1)};
    H5Tset_size(type.get(), H5T_VARIABLE);
    H5Tset_cset(type.get(), H5T_CSET_UTF8);
    return type;
}

/// The library prints its own errors unless told not to; ours are thrown. Its clean-up at exit crashes after a write that
/// a full disk refused, and has nothing to do here: every handle has an owner. Before any other call of it.
void silence_hdf5() {
    H5dont_atexit();
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

} // namespace

struct Hdf5Writer::File {
    std::string path; ///< as the user named it
    OutputPlace place;
    std::string temporary; ///< beside its place; in the folder for such where the place is no file
    H5File file;
    H5Properties dataset_options; ///< no time stamps
    H5Properties group_options;   ///< the same

    void check(bool done, std::string_view what) const {
        if (!done) {
            throw InputError{Origin::whole_file(path), fmt::format("cannot write {}", what),
                             "Is the disk full?"};
        }
    }
    void set_text(hid_t object, char const* name, std::string const& value) const;
    void make_groups_above(std::string const& object) const;
    void write_raw(std::string const& name, H5Space const& space, hid_t type, void const* data,
                   Hdf5Label const& label) const;
};

namespace {

/// A new file that is nobody else's. @return its path, empty where none can be made
std::string new_temporary() {
    std::error_code none;
    auto const folder = std::filesystem::temp_directory_path(none);
    auto path = ((none ? std::filesystem::path{"/tmp"} : folder) / "moesaic-XXXXXX").string();
    auto const file = ::mkstemp(path.data());
    if (file < 0) {
        return {};
    }
    ::close(file);
    return path;
}

} // namespace

void Hdf5Writer::File::set_text(hid_t object, char const* name, std::string const& value) const {
    H5Space const space{H5Screate(H5S_SCALAR)};
    auto const type = text_type();
    H5Attribute const attribute{H5Acreate2(object, name, type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT)};
    char const* const raw = value.c_str();
    check(attribute.ok() && H5Awrite(attribute.get(), type.get(), static_cast<void const*>(&raw)) >= 0, name);
}

/// The library could do it, but would give them time stamps.
void Hdf5Writer::File::make_groups_above(std::string const& object) const {
    for (auto end = object.find('/', 1); end != std::string::npos; end = object.find('/', end + 1)) {
        auto const above = object.substr(0, end);
        if (H5Lexists(file.get(), above.c_str(), H5P_DEFAULT) <= 0) {
            H5Group const made{
                H5Gcreate2(file.get(), above.c_str(), H5P_DEFAULT, group_options.get(), H5P_DEFAULT)};
            check(made.ok(), above);
        }
    }
}

void Hdf5Writer::File::write_raw(std::string const& name, H5Space const& space, hid_t type, void const* data,
                                 Hdf5Label const& label) const {
    expects(!label.unit.empty() && !label.description.empty(), "a dataset has a unit and a description");
    make_groups_above(name);
    H5Dataset const dataset{H5Dcreate2(file.get(), name.c_str(), type, space.get(), H5P_DEFAULT,
                                       dataset_options.get(), H5P_DEFAULT)};
    check(dataset.ok() && H5Dwrite(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0, name);
    set_text(dataset.get(), "unit", label.unit);
    set_text(dataset.get(), "description", label.description);
}

namespace {

H5Space scalar_space() { return H5Space{H5Screate(H5S_SCALAR)}; }

H5Space line_space(std::size_t length) {
    hsize_t const size = length;
    return H5Space{H5Screate_simple(1, &size, nullptr)};
}

/// HDF5 wants an array of C strings, and a valid pointer even for none.
std::vector<char const*> raw_texts(std::vector<std::string> const& texts) {
    std::vector<char const*> raw(std::max<std::size_t>(1, texts.size()), "");
    std::ranges::transform(texts, raw.begin(), [](std::string const& text) { return text.c_str(); });
    return raw;
}

} // namespace

Hdf5Writer::Hdf5Writer(std::string path) : file_{std::make_unique<File>()} {
    silence_hdf5();
    file_->path = std::move(path);
    file_->place = output_place(file_->path);
    // the library goes back and forth in its file, which a pipe cannot
    file_->temporary = file_->place.straight ? new_temporary() : file_->place.path + ".part";
    H5Properties const access{H5Pcreate(H5P_FILE_ACCESS)};
    H5Pset_libver_bounds(access.get(), H5F_LIBVER_V18, H5F_LIBVER_V18);
    H5Properties const creation{H5Pcreate(H5P_FILE_CREATE)};
    H5Pset_obj_track_times(creation.get(), false); // of the root group
    file_->file = H5File{H5Fcreate(file_->temporary.c_str(), H5F_ACC_TRUNC, creation.get(), access.get())};
    if (!file_->file.ok()) {
        throw InputError{Origin::whole_file(file_->path), "cannot be created",
                         "Does its folder exist, and may you write there?"};
    }
    file_->dataset_options = H5Properties{H5Pcreate(H5P_DATASET_CREATE)};
    H5Pset_obj_track_times(file_->dataset_options.get(), false);
    file_->group_options = H5Properties{H5Pcreate(H5P_GROUP_CREATE)};
    H5Pset_obj_track_times(file_->group_options.get(), false);
}

Hdf5Writer::~Hdf5Writer() {
    if (file_ && file_->file.ok()) {
        file_->file = H5File{};
        std::error_code ignored; // nothing to be done about it in a destructor
        std::filesystem::remove(file_->temporary, ignored);
    }
}

void Hdf5Writer::group(std::string const& path, std::string const& description) {
    expects(!description.empty(), "a group has a description");
    file_->make_groups_above(path);
    H5Group const group{
        H5Gcreate2(file_->file.get(), path.c_str(), H5P_DEFAULT, file_->group_options.get(), H5P_DEFAULT)};
    file_->check(group.ok(), path);
    file_->set_text(group.get(), "description", description);
}

void Hdf5Writer::write(std::string const& path, Hdf5Data const& data, Hdf5Label const& label) {
    auto const& f = *file_;
    std::visit(
        overloaded{
            [&](double value) { f.write_raw(path, scalar_space(), H5T_NATIVE_DOUBLE, &value, label); },
            [&](std::int64_t value) { f.write_raw(path, scalar_space(), H5T_NATIVE_INT64, &value, label); },
            [&](std::string const& value) {
                char const* const raw = value.c_str();
                f.write_raw(path, scalar_space(), text_type().get(), static_cast<void const*>(&raw), label);
            },
            [&](std::vector<double> const& values) {
                f.write_raw(path, line_space(values.size()), H5T_NATIVE_DOUBLE, values.data(), label);
            },
            [&](std::vector<std::int64_t> const& values) {
                f.write_raw(path, line_space(values.size()), H5T_NATIVE_INT64, values.data(), label);
            },
            [&](std::vector<std::string> const& values) {
                f.write_raw(path, line_space(values.size()), text_type().get(),
                            static_cast<void const*>(raw_texts(values).data()), label);
            }},
        data);
}

void Hdf5Writer::write_table(std::string const& path, std::string const& description,
                             std::vector<Hdf5Column> const& columns) {
    auto const length = [](Hdf5Column const& column) {
        return std::visit([](auto const& data) { return data.size(); }, column.data);
    };
    group(path, description);
    for (auto const& column : columns) {
        expects(length(column) == length(columns.front()), "the columns of a table are equally long");
        std::visit([&](auto const& data) { write(path + "/" + column.name, data, column.label); },
                   column.data);
    }
}

void Hdf5Writer::commit() {
    auto& f = *file_;
    f.check(H5Fflush(f.file.get(), H5F_SCOPE_GLOBAL) >= 0, f.path);
    f.file = H5File{};
    if (f.place.straight) {
        auto const bytes = read_text_file(f.temporary);
        std::filesystem::remove(f.temporary);
        write_text_file(f.path, bytes);
        return;
    }
    std::error_code error;
    std::filesystem::rename(f.temporary, f.place.path, error);
    if (error) {
        throw InputError{Origin::whole_file(f.path),
                         fmt::format("cannot be put in place: {}", error.message())};
    }
}

struct Hdf5Reader::File {
    std::string path;
    H5File file;

    [[noreturn]] void fail(std::string const& at, std::string_view problem) const {
        throw InputError{{path, 0, 0, at}, problem};
    }
    [[nodiscard]] H5Dataset open(std::string const& at) const {
        H5Dataset dataset{H5Dopen2(file.get(), at.c_str(), H5P_DEFAULT)};
        if (!dataset.ok()) {
            fail(at, "there is no such dataset");
        }
        return dataset;
    }
    /// @param kind H5T_FLOAT, H5T_INTEGER or H5T_STRING; integers are also read as numbers
    void check_kind(std::string const& at, H5Dataset const& dataset, H5T_class_t kind) const {
        H5Type const type{H5Dget_type(dataset.get())};
        auto const found = H5Tget_class(type.get());
        if (found != kind && !(kind == H5T_FLOAT && found == H5T_INTEGER)) {
            fail(at, kind == H5T_STRING ? "is no text" : "is no number");
        }
    }
    template <class T>
    [[nodiscard]] std::vector<T> read(std::string const& at, H5T_class_t kind, hid_t type) const;
};

namespace {

std::size_t length_of(H5Dataset const& dataset) {
    H5Space const space{H5Dget_space(dataset.get())};
    auto const points = H5Sget_simple_extent_npoints(space.get());
    return points < 0 ? 0 : static_cast<std::size_t>(points);
}

std::string text_attribute(hid_t object, char const* name) {
    H5Attribute const attribute{H5Aopen(object, name, H5P_DEFAULT)};
    if (!attribute.ok()) {
        return {};
    }
    char* raw = nullptr;
    auto const type = text_type();
    if (H5Aread(attribute.get(), type.get(), static_cast<void*>(&raw)) < 0 || raw == nullptr) {
        return {};
    }
    std::string text = raw;
    H5free_memory(raw);
    return text;
}

/// For H5Ovisit: collects datasets.
herr_t add_dataset(hid_t, char const* name, H5O_info_t const* info, void* data) {
    if (info->type == H5O_TYPE_DATASET) {
        static_cast<std::vector<std::string>*>(data)->push_back(std::string{"/"} + name);
    }
    return 0;
}

} // namespace

template <class T>
std::vector<T> Hdf5Reader::File::read(std::string const& at, H5T_class_t kind, hid_t type) const {
    auto const dataset = open(at);
    check_kind(at, dataset, kind);
    std::vector<T> values(length_of(dataset));
    if (!values.empty() &&
        H5Dread(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, static_cast<void*>(values.data())) < 0) {
        fail(at, "cannot be read");
    }
    return values;
}

Hdf5Reader::Hdf5Reader(std::string path) : file_{std::make_unique<File>()} {
    silence_hdf5();
    file_->path = std::move(path);
    file_->file = H5File{H5Fopen(file_->path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT)};
    if (!file_->file.ok()) {
        throw InputError{Origin::whole_file(file_->path), "cannot be read as HDF5"};
    }
}

Hdf5Reader::~Hdf5Reader() = default;

std::vector<std::string> Hdf5Reader::datasets() const {
    std::vector<std::string> paths;
    if (H5Ovisit2(file_->file.get(), H5_INDEX_NAME, H5_ITER_INC, add_dataset, &paths, H5O_INFO_BASIC) < 0) {
        file_->fail("", "cannot be listed");
    }
    std::ranges::sort(paths);
    return paths;
}

bool Hdf5Reader::has(std::string const& path) const { return std::ranges::binary_search(datasets(), path); }

std::vector<double> Hdf5Reader::numbers(std::string const& path) const {
    return file_->read<double>(path, H5T_FLOAT, H5T_NATIVE_DOUBLE);
}

std::vector<std::int64_t> Hdf5Reader::integers(std::string const& path) const {
    return file_->read<std::int64_t>(path, H5T_INTEGER, H5T_NATIVE_INT64);
}

std::vector<std::string> Hdf5Reader::texts(std::string const& path) const {
    auto const raw = file_->read<char*>(path, H5T_STRING, text_type().get());
    std::vector<std::string> texts;
    for (auto* const text : raw) {
        texts.emplace_back(text == nullptr ? "" : text);
        H5free_memory(text);
    }
    return texts;
}

double Hdf5Reader::number(std::string const& path) const {
    auto const values = numbers(path);
    return values.size() == 1 ? values.front() : (file_->fail(path, "is not one number"), 0.0);
}

std::int64_t Hdf5Reader::integer(std::string const& path) const {
    auto const values = integers(path);
    return values.size() == 1 ? values.front() : (file_->fail(path, "is not one number"), 0);
}

std::string Hdf5Reader::text(std::string const& path) const {
    auto const values = texts(path);
    return values.size() == 1 ? values.front() : (file_->fail(path, "is not one text"), "");
}

Hdf5Data Hdf5Reader::data(std::string const& path) const {
    auto const dataset = file_->open(path);
    H5Space const space{H5Dget_space(dataset.get())};
    bool const single = H5Sget_simple_extent_type(space.get()) == H5S_SCALAR;
    H5Type const type{H5Dget_type(dataset.get())};
    switch (H5Tget_class(type.get())) {
    case H5T_STRING:
        return single ? Hdf5Data{text(path)} : Hdf5Data{texts(path)};
    case H5T_INTEGER:
        return single ? Hdf5Data{integer(path)} : Hdf5Data{integers(path)};
    case H5T_FLOAT:
        return single ? Hdf5Data{number(path)} : Hdf5Data{numbers(path)};
    default:
        file_->fail(path, "is neither number nor text");
    }
}

Hdf5Label Hdf5Reader::label(std::string const& path) const {
    auto const dataset = file_->open(path);
    return {text_attribute(dataset.get(), "unit"), text_attribute(dataset.get(), "description")};
}

} // namespace moesaic::io
