import Testing

/// Every suite that starts real processes is a part of this one, so that they run one after another: two cores are not
/// enough for several trees at once.
@Suite("The whole system", .serialized)
enum SystemTests {}
