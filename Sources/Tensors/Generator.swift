/// Random numbers: Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
///
/// Counter-based: the same seed gives the same numbers on every machine and thread count. Streams are
/// split by name, so that adding a draw to one part of a program leaves all others as they were.
public struct Generator: RandomNumberGenerator, Sendable {
  private let key: SIMD2<UInt32>
  private var counter: UInt64
  private let stream: UInt64
  private var block = SIMD4<UInt32>()
  private var used = 4

  /// Stream 0 of `seed`.
  public init(seed: UInt64) { self.init(seed: seed, stream: 0) }

  private init(seed: UInt64, stream: UInt64) {
    key = [UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)]
    self.stream = stream
    counter = 0
  }

  /// The stream of `seed` that belongs to `name`.
  public init(seed: UInt64, name: String) {
    self.init(
      seed: seed, stream: name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 })
  }

  /// Numbers of one place: what is drawn for `item` of `round` (a sample of an epoch) depends on these alone, and not on
  /// what was drawn before. 2^18 numbers of 32 bits, then those of the next item begin.
  public init(seed: UInt64, name: String, round: Int, item: Int) {
    var mixed = Generator(seed: seed, name: name)
    mixed.counter = UInt64(bitPattern: Int64(round))
    self.init(seed: mixed.next(), name: name)
    counter = UInt64(bitPattern: Int64(item)) << 16
  }

  /// How many numbers of 32 bits were drawn.
  public var position: UInt64 {
    get { counter &* 4 &- UInt64(4 - used) }
    set {
      (counter, used) = (newValue / 4, 4)
      for _ in 0..<(newValue % 4) { _ = next32() }
    }
  }

  public mutating func next32() -> UInt32 {
    if used == 4 {
      block = Self.philox(counter, stream, key)
      counter &+= 1
      used = 0
    }
    defer { used += 1 }
    return block[used]
  }

  public mutating func next() -> UInt64 { UInt64(next32()) | UInt64(next32()) << 32 }

  /// Uniform in [0, 1), 53 bits.
  public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Uniform in 0..<bound without bias (Lemire's multiplication method with rejection).
  public mutating func index(below bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

  /// Standard normal (Box-Muller; both halves of a pair come from one call each, so no state is kept).
  public mutating func normal() -> Double {
    let radius = (-2 * Libm.log(1 - uniform())).squareRoot()
    return radius * Libm.cos(2 * Double.pi * uniform())
  }

  static func philox(_ counter: UInt64, _ stream: UInt64, _ key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var c = SIMD4<UInt32>(
      UInt32(truncatingIfNeeded: counter), UInt32(truncatingIfNeeded: counter >> 32),
      UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32))
    var k = key
    for _ in 0..<10 {
      let a = UInt64(c[0]) * 0xD251_1F53
      let b = UInt64(c[2]) * 0xCD9E_8D57
      c = [
        UInt32(truncatingIfNeeded: b >> 32) ^ c[1] ^ k[0], UInt32(truncatingIfNeeded: b),
        UInt32(truncatingIfNeeded: a >> 32) ^ c[3] ^ k[1], UInt32(truncatingIfNeeded: a),
      ]
      k = k &+ [0x9E37_79B9, 0xBB67_AE85]
    }
    return c
  }
}

/// The streams of the script that is running on this thread. One seed per run.
public enum Random {
  public static var seed: UInt64 { ThreadState.current.pointee.seed }

  /// Starts every stream again.
  public static func reseed(_ seed: UInt64) {
    let state = ThreadState.current
    state.pointee.seed = seed
    state.pointee.streams = [:]
  }

  /// Where every stream that was drawn from stands; with the seed, all that later draws depend on.
  public static var positions: [String: UInt64] {
    get { ThreadState.current.pointee.streams.mapValues(\.position) }
    set {
      let state = ThreadState.current
      state.pointee.streams = [:]
      for (name, position) in newValue {
        var generator = Generator(seed: state.pointee.seed, name: name)
        generator.position = position
        state.pointee.streams[name] = generator
      }
    }
  }

  /// Draws from the stream called `name`, which goes on where the last draw left it.
  public static func with<Result>(_ name: String, _ draw: (inout Generator) throws -> Result) rethrows
    -> Result
  {
    let state = ThreadState.current
    var generator = state.pointee.streams[name] ?? Generator(seed: state.pointee.seed, name: name)
    defer { state.pointee.streams[name] = generator }
    return try draw(&generator)
  }

  /// Where every stream stands.
  struct Position {
    fileprivate let seed: UInt64
    fileprivate let streams: [String: Generator]
  }

  static var position: Position {
    Position(seed: ThreadState.current.pointee.seed, streams: ThreadState.current.pointee.streams)
  }

  /// Calls `body` with the streams where they once stood, and puts them back.
  static func replaying<Result>(from position: Position, _ body: () throws -> Result) rethrows -> Result {
    let state = ThreadState.current
    let now = Self.position
    (state.pointee.seed, state.pointee.streams) = (position.seed, position.streams)
    defer { (state.pointee.seed, state.pointee.streams) = (now.seed, now.streams) }
    return try body()
  }
}
