#include "unit/parallel/job_fixture.hpp"

#include "model/parameters.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <string_view>

using namespace moesaic;
using namespace moesaic::parallel;
using moesaic::test::job_of;

namespace {

/// Llama 2 7B on 16 chips, 32 sequences of 4096: 2 micro-batches on each of 16 replicas.
test::JobFixture llama(std::string const& plan) {
    return job_of("llama2_7b", {{"h", "h100_16384", 16}}, 32, plan);
}

/// Of a step of one rank, by what keeps kernels apart: their kind, or the host.
Seconds time_of(Program const& program, auto const& counts) {
    Seconds sum;
    auto const& rank_class = program.classes.front();
    for (auto const& item : rank_class.schedule) {
        for (auto const& op : rank_class.blocks.at(static_cast<std::size_t>(item.block)).ops) {
            auto const* c = std::get_if<Compute>(&op.work);
            sum += c && counts(op, *c) ? c->duration.time : Seconds{};
        }
    }
    return sum;
}

Seconds kernels(Program const& program, model::OpKind kind) {
    return time_of(program, [&](BlockOp const& op, Compute const& c) {
        return op.stream == Stream::compute && c.kind == kind;
    });
}

/// What kernels of this role move in a step of one rank.
double bytes_moved(Program const& program, std::string_view role) {
    double sum = 0.0;
    (void)time_of(program, [&](BlockOp const&, Compute const& c) {
        sum += c.role == role ? model::bytes_of(*c.operation).value() : 0.0;
        return false;
    });
    return sum;
}

/// Of a software's file and of a scenario that says more.
Practice read_both(std::string const& software, std::string const& scenario) {
    Practice out;
    read_practice(io::parse_toml(software, "software.toml"), out);
    read_practice(io::parse_toml(scenario, "scenario.toml"), out);
    return out;
}

} // namespace

TEST_CASE("the host takes its time for each layer of each micro-batch, and once for the step", "[parallel]") {
    auto const f = llama("host_layer = \"3 ms\"\nhost_step = \"5 ms\"\n");
    auto const host = time_of(build_program(f.job()),
                              [](BlockOp const& op, Compute const&) { return op.stream == Stream::host; });
    // 2 micro-batches x 32 layers x 3 ms (a third in the forward, two in the backward) + 5 ms
    CHECK(host.value() == Approx(2 * 32 * 3e-3 + 5e-3));
}

TEST_CASE(
    "once a step the host goes on when it knows the norm of the gradients, and the optimizer waits for it",
    "[parallel]") {
    auto const f = llama("host_step = \"5 ms\"\n");
    auto const program = build_program(f.job());
    for (auto const& rank_class : program.classes) {
        auto const& ops = rank_class.blocks.back().ops;
        auto const host = std::ranges::find(ops, Stream::host, &BlockOp::stream);
        REQUIRE(host != ops.end());
        REQUIRE(host->after.size() == 1);
        CHECK(std::get<Collective>(ops[static_cast<std::size_t>(host->after.front())].work).role ==
              "gradient norm");
        auto const optimizer = std::next(host);
        REQUIRE(optimizer != ops.end());
        CHECK(optimizer->after == std::vector{static_cast<int>(host - ops.begin())});
    }
}

TEST_CASE("a scenario changes what it names of a software's practice on a chip, and keeps the rest",
          "[parallel]") {
    auto const on =
        read_both(
            "[[on]]\nchips = [\"nvidia_h100_sxm5\"]\nhost_moe_layer = \"7 ms\"\npasses = { quantise = 2.0 }\n"
            "source = \"a\"\n",
            "[[on]]\nchips = [\"nvidia_h100_sxm5\"]\nhost_moe_layer = \"3 ms\"\nsource = \"b\"\n")
            .on;
    REQUIRE(on.size() == 1);
    CHECK(on.front().host_moe_layer.value() == Approx(3e-3));
    CHECK(on.front().passes.at(model::OpKind::quantise) == Approx(2.0));
}

TEST_CASE("an operation of several passes takes as many times one fused kernel", "[parallel]") {
    auto const fused = llama(""), eager = llama("passes = { rmsnorm = 8.0 }\n");
    auto const kind = model::OpKind::rmsnorm;
    auto const once = kernels(build_program(fused.job()), kind);
    CHECK(once.value() > 0.0);
    CHECK(kernels(build_program(eager.job()), kind) / once == Approx(8.0));
    CHECK_THROWS_AS(llama("passes = { rmsnorm = 0.5 }\n"), InputError);
    CHECK_THROWS_AS(llama("passes = { rmsnrom = 2.0 }\n"), InputError);
}

TEST_CASE("sums of gradients inside the products read and write the sum in place of a 16-bit gradient",
          "[parallel]") {
    auto const elements = [](std::string const& plan) {
        double sum = 0.0;
        (void)time_of(build_program(llama(plan).job()), [&](BlockOp const&, Compute const& c) {
            sum += c.role == "gradient_sum" ? static_cast<double>(c.operation->m * c.operation->n) : 0.0;
            return false;
        });
        return sum;
    };
    auto const apart = elements("fused_gradient_sum = false\n");
    // an addition in fp32 moves 12 bytes an element, a product 4 + 4 instead of 2: 6 of 12; in bf16 2 of 6
    CHECK(elements("") / apart == Approx(0.5).epsilon(1e-3));
    CHECK(elements("gradient = \"bf16\"\n") / apart == Approx(1.0 / 3.0).epsilon(1e-3));
    CHECK(elements("zero = \"parameters\"\n") == 0.0); // every micro-batch sends its own
}

TEST_CASE("gradients are copied whole in every micro-batch, parameters after every gather", "[parallel]") {
    std::string const copies = "gradient_copies = \"18 B\"\nparameter_copies = \"4 B\"\n";
    auto const sharded = llama("zero = \"parameters\"\n" + copies), kept = llama(copies);
    auto const layers = 32.0 * static_cast<double>(model::layer_parameters(sharded.model, 0).total());
    auto const ends = static_cast<double>(model::end_parameters(sharded.model).total());
    for (auto const* f : {&sharded, &kept}) { // 2 micro-batches
        CHECK(bytes_moved(build_program(f->job()), "gradient_copies") ==
              Approx(2 * 18.0 * (layers + ends)).epsilon(1e-3));
    }
    // layers are gathered in both passes, the ends once; where parameters are not shared out they stay where they are
    CHECK(bytes_moved(build_program(sharded.job()), "parameter_copies") ==
          Approx(2 * 4.0 * (2 * layers + ends)).epsilon(1e-3));
    CHECK(bytes_moved(build_program(kept.job()), "parameter_copies") == 0.0);
    CHECK(bytes_moved(build_program(llama("zero = \"parameters\"\n").job()), "gradient_copies") == 0.0);
}

TEST_CASE("passes over all gradients once per step move what each replica holds, and scaling is for several",
          "[parallel]") {
    auto const moved = [](std::string const& plan) {
        return bytes_moved(build_program(llama(plan).job()), "step_copies");
    };
    std::string const always = "step_copies = \"8 B\"\n", averaged = "averaging_copies = \"4 B\"\n";
    auto const f = llama("");
    double const parameters = 32.0 * static_cast<double>(model::layer_parameters(f.model, 0).total()) +
                              static_cast<double>(model::end_parameters(f.model).total());
    CHECK(moved("") == 0.0);
    CHECK(moved(always) == Approx(8.0 * parameters).epsilon(1e-3)); // 2 micro-batches, but once
    CHECK(moved(always + averaged) == Approx(12.0 * parameters).epsilon(1e-3));
    std::string const one_replica = "tensor = 8\npipeline = 2\n"; // of 16 chips
    CHECK(moved(one_replica + always) > 0.0);
    CHECK(moved(one_replica + averaged) == 0.0);
}

TEST_CASE("what a copy moves for a parameter is a size, 0 or more", "[parallel]") {
    for (std::string const size : {"-4 B", "2 kB", "18"}) {
        INFO(size);
        CHECK_THROWS_AS(llama("gradient_copies = \"" + size + "\"\n"), InputError);
    }
}

TEST_CASE("a software's practice on one chip leaves other chips alone", "[parallel]") {
    auto const on = [](std::string const& chip) {
        return llama("[[parallel.on]]\nchips = [\"" + chip +
                     "\"]\nproducts = { bf16 = 1.5 }\npasses = { rmsnorm = 2.0 }\nsource = \"made up\"\n");
    };
    auto const plain = llama(""), here = on("nvidia_h100_sxm5"), elsewhere = on("nvidia_a100_sxm4_80");
    for (auto const& [kind, factor] :
         {std::pair{model::OpKind::gemm, 1.5}, std::pair{model::OpKind::rmsnorm, 2.0},
          std::pair{model::OpKind::attention, 1.0}}) {
        auto const alone = kernels(build_program(plain.job()), kind);
        CHECK(kernels(build_program(here.job()), kind) / alone == Approx(factor));
        CHECK(kernels(build_program(elsewhere.job()), kind) / alone == Approx(1.0));
    }
    CHECK_THROWS_AS(llama("[[parallel.on]]\nchips = [\"x\"]\nproducts = { fp9 = 1.5 }\nsource = \"y\"\n"),
                    InputError);
}

TEST_CASE("what is said of a chip twice, or is nothing, is refused", "[parallel]") {
    std::string const entry = "[[parallel.on]]\nchips = [\"a\", \"b\"]\nsource = \"made up\"\n";
    CHECK_THROWS_WITH(llama(entry),
                      Catch::Contains("parallel.on[0].chips: says nothing of these chips. Give one of "
                                      "host_moe_layer, product_call"));
    auto const full = entry + "host_moe_layer = \"1 ms\"\n";
    CHECK_THROWS_WITH(llama(full + full), Catch::Contains("parallel.on[1].chips: names \"a\" a second time"));
    std::string const limit =
        "[[parallel.attention]]\nchips = [\"a\"]\nforward = 0.5\nbackward = 0.5\nsource = \"made up\"\n";
    CHECK_NOTHROW(llama(full + limit));
    CHECK_THROWS_WITH(llama(limit + limit),
                      Catch::Contains("parallel.attention[1].chips: names \"a\" a second time"));
}

TEST_CASE("the host of layers with experts takes its time where its software says so", "[parallel]") {
    auto const f =
        job_of("mixtral_8x7b", {{"h", "h100_16384", 16}}, 32,
               "expert = 8\n[[parallel.on]]\nchips = [\"nvidia_h100_sxm5\"]\nhost_moe_layer = \"10 ms\"\n"
               "source = \"made up\"\n");
    auto const host = time_of(build_program(f.job()),
                              [](BlockOp const& op, Compute const&) { return op.stream == Stream::host; });
    CHECK(host.value() == Approx(2 * 32 * 10e-3)); // 2 micro-batches x 32 layers x 10 ms
}

TEST_CASE("a grouped product takes as long as the host calls its experts one by one", "[parallel]") {
    auto const grouped = [](std::string const& call) {
        auto const f =
            job_of("mixtral_8x7b", {{"h", "h100_16384", 16}}, 32,
                   "expert = 2\n[[parallel.on]]\nchips = [\"nvidia_h100_sxm5\"]\nproduct_call = \"" + call +
                       "\"\nsource = \"made up\"\n");
        return kernels(build_program(f.job()), model::OpKind::grouped_gemm).value();
    };
    double const one_kernel = grouped("0 s");
    CHECK(grouped("1 ns") == one_kernel); // hidden
    // 2 micro-batches x 32 layers x 2 products, forward and for inputs and weights, x 4 experts of a rank
    CHECK(grouped("1 s") == Approx(2 * 32 * 2 * 3 * 4));
    CHECK_THROWS_AS(grouped("-1 s"), InputError);
    auto const one =
        job_of("mixtral_8x7b", {{"h", "h100_16384", 16}}, 32,
               "expert = 8\n[[parallel.on]]\nchips = [\"nvidia_h100_sxm5\"]\nproduct_call = \"1 s\"\n"
               "source = \"made up\"\n");
    auto const calls = time_of(build_program(one.job()), [](BlockOp const&, Compute const& c) {
        return c.kind == model::OpKind::gemm && c.role.starts_with("expert_");
    });
    CHECK(calls.value() == Approx(2 * 32 * 2 * 3)); // of one expert, too
}

TEST_CASE("a scenario's limit on attention goes over that of its software", "[parallel]") {
    auto const limits =
        read_both(
            "[[attention]]\nchips = [\"nvidia_h100_sxm5\", \"nvidia_h200_sxm\"]\nforward = 0.5\n"
            "backward = 0.4\nsource = \"a\"\n",
            "[[attention]]\nchips = [\"nvidia_h100_sxm5\"]\nforward = 0.3\nbackward = 0.2\nsource = \"b\"\n")
            .attention;
    REQUIRE(limits.size() == 2);
    CHECK(limits[0] == AttentionLimit{"nvidia_h100_sxm5", 0.3, 0.2});
    CHECK(limits[1] == AttentionLimit{"nvidia_h200_sxm", 0.5, 0.4});
}

TEST_CASE("attention runs no faster than the software's generation of kernels", "[parallel]") {
    auto const best = llama("");
    auto const old =
        llama("[[parallel.attention]]\nchips = [\"nvidia_h100_sxm5\"]\nforward = 0.01\nbackward = 0.01\n"
              "source = \"made up\"\n");
    // 1 % of the peak is far below what the analytic model takes
    auto const kind = model::OpKind::attention;
    CHECK(kernels(build_program(old.job()), kind) > kernels(build_program(best.job()), kind) * 10.0);
}

namespace {

/// Products and attention of stack "s" on H100 take 1.5 times as long.
Calibration one_constant() {
    Calibration calibration;
    calibration.constants.push_back({.name = "c",
                                     .chips = {"nvidia_h100_sxm5"},
                                     .precision = "16-bit",
                                     .stack = "s",
                                     .factor = 1.5,
                                     .origin = "made up",
                                     .sources = {},
                                     .records = {}});
    return calibration;
}

} // namespace

TEST_CASE("a constant leaves attention alone that its software's own kernels hold up", "[parallel]") {
    auto const attention = [](double share, Calibration const* calibration) {
        auto const f =
            llama(fmt::format("stack = \"s\"\n[[parallel.attention]]\nchips = [\"nvidia_h100_sxm5\"]\n"
                              "forward = {0}\nbackward = {0}\nsource = \"made up\"\n",
                              share));
        auto job = f.job();
        job.calibration = calibration;
        return kernels(build_program(job), model::OpKind::attention);
    };
    auto const at_limit =
        llama("[[parallel.attention]]\nchips = [\"nvidia_h100_sxm5\"]\nforward = 0.2\nbackward = 0.2\n"
              "source = \"made up\"\n");
    (void)time_of(build_program(at_limit.job()), [](BlockOp const&, Compute const& c) {
        CHECK(c.stretched == (c.kind == model::OpKind::gemm)); // so that a slow chip leaves it alone too
        return false;
    });
    auto const constant = one_constant();
    CHECK(attention(0.2, &constant) / attention(0.2, nullptr) == Approx(1.0));
    // where the best kernels of today are slower in a run than the limit says, they stand for the software's
    CHECK(attention(1.0, &constant) / attention(1.0, nullptr) == Approx(1.5));
}

TEST_CASE("a constant stretches products and attention, and nothing else", "[parallel]") {
    auto const f = llama("stack = \"s\"\n");
    auto const calibration = one_constant();
    auto job = f.job();
    auto const plain = build_program(job);
    job.calibration = &calibration;
    auto const stretched = build_program(job);
    for (auto const& [kind, factor] : {std::pair{model::OpKind::gemm, 1.5},
                                       {model::OpKind::attention, 1.5},
                                       {model::OpKind::rmsnorm, 1.0}}) {
        CHECK(kernels(stretched, kind) / kernels(plain, kind) == Approx(factor));
    }
}

TEST_CASE("the least recompute that fits takes whole layers step by step", "[parallel]") {
    // Llama 2 70B on 8 x 8 chips of 80 GB, ZeRO-3: long sequences leave room for some layers, not for all
    auto f =
        job_of("llama2_70b", {{"h", "h100_16384", 64}}, 64, "recompute = \"least\"\nzero = \"parameters\"\n");
    double last = -1.0;
    for (int sequence = 2048; sequence <= 16384; sequence += 2048) {
        f.shape.sequence_length = sequence;
        auto const plan = settle_recompute(f.job());
        auto const& group = plan.kinds.front().stage_groups.front();
        double const amount = group.recompute == Recompute::none        ? 0.0
                              : group.recompute == Recompute::pointwise ? 0.01
                                                                        : group.recompute_share;
        INFO(sequence);
        CHECK(amount >= last);
        last = amount;
    }
    CHECK(last > 0.01);
}
