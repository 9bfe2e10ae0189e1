#include "cli/mpi/messages.hpp"

#include <mpi.h>
#include <unistd.h>

namespace moesaic::cli {

namespace {

enum Tag { ask_tag = 1, points_tag, done_tag, leave_tag };

/// MPI's own waiting spins; a sweep has better use for the core.
MPI_Status wait_for_message(int from, int tag) {
    constexpr useconds_t pause = 200;
    for (;;) {
        int there = 0;
        MPI_Status status;
        MPI_Iprobe(from, tag, MPI_COMM_WORLD, &there, &status);
        if (there != 0) {
            return status;
        }
        ::usleep(pause);
    }
}

} // namespace

std::vector<std::int64_t> ask_for_points(int at_most) {
    MPI_Send(&at_most, 1, MPI_INT, 0, ask_tag, MPI_COMM_WORLD);
    auto status = wait_for_message(0, points_tag);
    int count = 0;
    MPI_Get_count(&status, MPI_INT64_T, &count);
    std::vector<std::int64_t> points(static_cast<std::size_t>(count));
    MPI_Recv(points.data(), count, MPI_INT64_T, 0, points_tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    return points;
}

void tell_done(Done const& done) {
    MPI_Send(&done, static_cast<int>(sizeof done), MPI_BYTE, 0, done_tag, MPI_COMM_WORLD);
}

void tell_leaving() { MPI_Send(nullptr, 0, MPI_BYTE, 0, leave_tag, MPI_COMM_WORLD); }

Incoming next_message() {
    auto const status = wait_for_message(MPI_ANY_SOURCE, MPI_ANY_TAG);
    Incoming in{status.MPI_SOURCE, Leaves{}};
    auto const receive = [&](void* data, int count, MPI_Datatype type) {
        MPI_Recv(data, count, type, in.rank, status.MPI_TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    };
    if (status.MPI_TAG == ask_tag) {
        Asks asks;
        receive(&asks.at_most, 1, MPI_INT);
        in.message = asks;
    } else if (status.MPI_TAG == done_tag) {
        Done done;
        receive(&done, static_cast<int>(sizeof done), MPI_BYTE);
        in.message = done;
    } else {
        receive(nullptr, 0, MPI_BYTE);
    }
    return in;
}

void hand_out(int rank, std::vector<std::int64_t> const& points) {
    MPI_Send(points.data(), static_cast<int>(points.size()), MPI_INT64_T, rank, points_tag, MPI_COMM_WORLD);
}

} // namespace moesaic::cli
