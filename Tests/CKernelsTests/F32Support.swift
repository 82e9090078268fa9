import CKernels

/// Every build of the fp32 kernels that this machine runs, the portable one first.
func f32Paths() -> UnsafeBufferPointer<qk_f32_path> {
  var first: UnsafePointer<qk_f32_path>?
  let count = qk_f32_paths(&first)
  return UnsafeBufferPointer(start: first, count: count)
}

/// `count` numbers drawn uniformly from `range`, the same ones for the same seed.
func randomFloats(_ count: Int, seed: UInt64, in range: ClosedRange<Float> = -3...3) -> [Float] {
  var generator = Generator(Int(seed))
  return (0..<count).map { _ in .random(in: range, using: &generator) }
}

/// `count` numbers with every kind of trouble strewn in: NaN, infinities, zeros of both signs, denormals, huge ones.
func awkwardFloats(_ count: Int, seed: UInt64) -> [Float] {
  let trouble: [Float] = [
    .nan, .infinity, -.infinity, 0, -0.0, 0x1p-140, -0x1p-140, 3e38, -3e38, 88.8, -103.9,
  ]
  var values = randomFloats(count, seed: seed)
  for i in stride(from: Int(seed % 5), to: count, by: 5) {
    values[i] = trouble[(i / 5 + Int(seed)) % trouble.count]
  }
  return values
}

/// The bits of `values`, all NaNs alike.
func bits(_ values: [Float]) -> [UInt32] { values.map { $0.isNaN ? Float.nan.bitPattern : $0.bitPattern } }

/// How far `value` is from the true result, in units in the last place of a float of that size.
func ulps(_ value: Float, from truth: Double) -> Double {
  if truth.isNaN { return value.isNaN ? 0 : .infinity }
  if value.isNaN { return .infinity }
  if value.isInfinite || Float(truth).isInfinite { return value == Float(truth) ? 0 : .infinity }
  let unit = Swift.max(Float(truth).ulp, Float.leastNonzeroMagnitude)
  return abs(Double(value) - truth) / Double(unit)
}

/// The largest difference, relative to 1 or the true value, whichever is larger.
func largestError(_ values: [Float], _ truth: [Double]) -> Double {
  zip(values, truth).map { abs(Double($0) - $1) / Swift.max(1, abs($1)) }.max() ?? 0
}
