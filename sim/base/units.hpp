#pragma once
#include <cmath>
#include <compare>

/// Quantities with a unit as types: seconds, bytes, FLOP and rates never mix by accident.
/// Every quantity holds a double in the SI unit that its name says.
namespace moesaic {

template <class Tag>
class Quantity {
  public:
    constexpr Quantity() = default;
    constexpr explicit Quantity(double value) : value_{value} {}
    [[nodiscard]] constexpr double value() const { return value_; }

    constexpr Quantity& operator+=(Quantity other) {
        value_ += other.value_;
        return *this;
    }
    constexpr Quantity& operator-=(Quantity other) {
        value_ -= other.value_;
        return *this;
    }
    constexpr Quantity& operator*=(double factor) {
        value_ *= factor;
        return *this;
    }

    friend constexpr Quantity operator+(Quantity a, Quantity b) { return Quantity{a.value_ + b.value_}; }
    friend constexpr Quantity operator-(Quantity a, Quantity b) { return Quantity{a.value_ - b.value_}; }
    friend constexpr Quantity operator*(Quantity a, double factor) { return Quantity{a.value_ * factor}; }
    friend constexpr Quantity operator*(double factor, Quantity a) { return Quantity{a.value_ * factor}; }
    friend constexpr Quantity operator/(Quantity a, double divisor) { return Quantity{a.value_ / divisor}; }
    /// The ratio of two amounts of one unit is a plain number.
    friend constexpr double operator/(Quantity a, Quantity b) { return a.value_ / b.value_; }
    friend constexpr auto operator<=>(Quantity, Quantity) = default;

  private:
    double value_ = 0.0;
};

using Seconds = Quantity<struct SecondTag>;
using Bytes = Quantity<struct ByteTag>;
using Flop = Quantity<struct FlopTag>;
using BytesPerSecond = Quantity<struct BytesPerSecondTag>;
using FlopPerSecond = Quantity<struct FlopPerSecondTag>;
using Watts = Quantity<struct WattTag>;
using Joules = Quantity<struct JouleTag>;
/// Tokens of text; a double, since a run may count 1e13 of them.
using Tokens = Quantity<struct TokenTag>;

constexpr Seconds operator/(Bytes size, BytesPerSecond rate) { return Seconds{size.value() / rate.value()}; }
constexpr BytesPerSecond operator/(Bytes size, Seconds time) {
    return BytesPerSecond{size.value() / time.value()};
}
constexpr Bytes operator*(BytesPerSecond rate, Seconds time) { return Bytes{rate.value() * time.value()}; }
constexpr Seconds operator/(Flop work, FlopPerSecond rate) { return Seconds{work.value() / rate.value()}; }
constexpr FlopPerSecond operator/(Flop work, Seconds time) {
    return FlopPerSecond{work.value() / time.value()};
}
constexpr Flop operator*(FlopPerSecond rate, Seconds time) { return Flop{rate.value() * time.value()}; }
constexpr Joules operator*(Watts power, Seconds time) { return Joules{power.value() * time.value()}; }

inline namespace literals {
constexpr Seconds operator""_s(long double v) { return Seconds{static_cast<double>(v)}; }
constexpr Seconds operator""_us(long double v) { return Seconds{static_cast<double>(v) * 1e-6}; }
constexpr Bytes operator""_B(long double v) { return Bytes{static_cast<double>(v)}; }
constexpr Bytes operator""_GiB(long double v) { return Bytes{static_cast<double>(v) * 1073741824.0}; }
constexpr BytesPerSecond operator""_GBps(long double v) {
    return BytesPerSecond{static_cast<double>(v) * 1e9};
}
constexpr FlopPerSecond operator""_TFLOPps(long double v) {
    return FlopPerSecond{static_cast<double>(v) * 1e12};
}
} // namespace literals

constexpr double seconds_per_hour = 3600.0;
constexpr double bytes_per_gib = 1073741824.0;

} // namespace moesaic
