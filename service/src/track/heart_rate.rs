//! How long the heart beat how fast.

use super::Track;

/// Where zones begin, in percent of the maximal heart rate; below the first one is none of them.
pub const ZONES: [i32; 5] = [50, 60, 70, 80, 90];

/// How long it was in each zone, in milliseconds, what was below the first zone before them.
pub fn time_in_zones(track: &Track, max_heart_rate: rust_decimal::Decimal) -> Option<[i64; 6]> {
    let mut zones = [0; 6];
    for (point, held) in track.holds() {
        if let Some(rate) = point.heart_rate {
            let reached = ZONES.iter().filter(|percent| {
                rust_decimal::Decimal::from(rate) * rust_decimal::Decimal::ONE_HUNDRED
                    >= max_heart_rate * rust_decimal::Decimal::from(**percent)
            });
            zones[reached.count()] += held;
        }
    }
    zones.iter().any(|held| *held > 0).then_some(zones)
}
