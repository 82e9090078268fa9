import Tensors

/// The numbers `(i a mod m - o) / d` that figures in these tests were computed from elsewhere.
func pattern(_ shape: Shape, _ dtype: DType = .f64, a: Int = 7, m: Int = 11, o: Int = 5, d: Double = 1) throws
  -> Tensor
{
  try .from((0..<shape.elements).map { Double($0 * a % m - o) / d }, shape, dtype)
}

/// Whether all of `tensor` is within the rounding of its type, and of figures with eight decimals, of `expected`.
func matches(_ tensor: Tensor, _ expected: [Double]) throws -> Bool {
  let bound = tensor.dtype == .f64 ? 1e-8 : 3e-6
  return try tensor.count == expected.count
    && zip(tensor.doubles(), expected).allSatisfy { abs($0 - $1) <= bound * max(1, abs($1)) }
}
