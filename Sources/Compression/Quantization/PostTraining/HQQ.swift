import CKernels
import Foundation
import Models
import Tensors

/// Chooses zero points and scales without data, so that most weights are met closely and a few outliers are let be:
/// half-quadratic minimisation of `sum |w - w_q|^p` with p below 1 (Badri and Shaji, "Half-quadratic quantization of
/// large machine learning models", 2023).
///
/// In turns: the outliers' part `e = shrink(w - w_q, beta)`; the zero point of least squares for `w - e`; more weight to
/// `e = w - w_q` by a greater beta. Zero points are then rounded, as the kernels have integer ones, and scales follow
/// by the same turns with the codes held: `s = <w - e, q> / <q, q>`.
public struct HQQ: Sendable {
  public var p: Double
  public var beta: Double
  public var kappa: Double
  public var iterations: Int

  public init(p: Double = 0.7, beta: Double = 10, kappa: Double = 1.01, iterations: Int = 20) {
    (self.p, self.beta, self.kappa, self.iterations) = (p, beta, kappa, iterations)
  }

  public func check() throws {
    try require(p > 0 && p <= 1, "hqq", "p must be above 0 and at most 1 (got \(p))")
    try require(beta > 0 && kappa >= 1, "hqq", "beta must be positive and kappa at least 1")
    try require(iterations >= 0, "hqq", "iterations cannot be negative (got \(iterations))")
  }

  /// The proximal step of `|x|^p / beta` as the paper approximates it.
  func shrink(_ x: Double, _ beta: Double) -> Double {
    let size = abs(x)
    guard size > 0 else { return 0 }
    let shrunk = size - pow(size, p - 1) / beta
    return shrunk > 0 ? (x > 0 ? shrunk : -shrunk) : 0
  }

  /// The real zero point that the turns lead to from one for weights of one group; they end where the mean error no
  /// longer falls.
  func zero(_ weights: [Double], scale: Double, zero: Double, codes: ClosedRange<Int>) -> Double {
    var (zero, best, beta) = (zero, Double.infinity, beta)
    for _ in 0..<iterations {
      var (error, next) = (0.0, 0.0)
      for w in weights {
        let code = Self.code(w, scale, zero, codes)
        let left = w - (code - zero) * scale
        error += abs(left)
        next += code - (w - shrink(left, beta)) / scale
      }
      zero = next / Double(max(weights.count, 1))
      beta *= kappa
      guard error < best else { break }
      best = error
    }
    return zero
  }

  /// The scale likewise, for an integer zero point.
  func scale(_ weights: [Double], scale: Double, zero: Double, codes: ClosedRange<Int>) -> Double {
    var (scale, best, kept, beta) = (scale, Double.infinity, scale, beta)
    for _ in 0...iterations {
      var (error, product, square) = (0.0, 0.0, 0.0)
      for w in weights {
        let level = Self.code(w, scale, zero, codes) - zero
        let left = w - level * scale
        error += pow(abs(left), p)
        product += (w - shrink(left, beta)) * level
        square += level * level
      }
      guard error < best else { break }
      (best, kept) = (error, scale)
      guard square > 0, product > 0 else { break }
      scale = product / square
      beta *= kappa
    }
    return kept
  }

  /// The turns lead to the next hollow only: they start from several shares of the full range, and the least p-norm
  /// counts. `zero` is nil for symmetric weights.
  private func best(
    _ weights: [Double], scale: Double, zero: Double?, _ codes: ClosedRange<Int>
  ) -> (scale: Double, zero: Double) {
    var best = (scale: scale, zero: zero ?? 0, error: Double.infinity)
    for share in [1, 0.85, 0.7, 0.55, 0.4] {
      var integer = 0.0
      if let zero {
        let real = self.zero(weights, scale: scale * share, zero: zero, codes: codes)
        integer = min(max(real.rounded(.toNearestOrEven), Double(codes.lowerBound)), Double(codes.upperBound))
      }
      let found = self.scale(weights, scale: scale * share, zero: integer, codes: codes)
      let error = weights.reduce(0) { sum, w in
        sum + pow(abs(w - (Self.code(w, found, integer, codes) - integer) * found), p)
      }
      if error < best.error { best = (found, integer, error) }
    }
    return (best.scale, best.zero)
  }

  private static func code(_ w: Double, _ scale: Double, _ zero: Double, _ codes: ClosedRange<Int>) -> Double
  {
    min(max((w / scale + zero).rounded(.toNearestOrEven), Double(codes.lowerBound)), Double(codes.upperBound))
  }

  /// The grid of `scheme` for a weight [O, ...]. Ternary and binary weights, and scales that are powers of two, keep
  /// those they have.
  public func quantizer(for weight: Tensor, _ scheme: WeightScheme) throws -> WeightQuantizer {
    try check()
    let start = try WeightQuantizer(weight: weight, scheme: scheme)
    guard start.rounding == .nearest, !scheme.powerOfTwo else { return start }
    let values = try weight.doubles()
    let codes = start.lowest...start.highest
    let slices = scheme.granularity.slices(of: weight.shape)
    let found = try inParallel(slices.indices) { i -> (scale: Float, zero: Int8) in
      let slice = Array(values[slices[i]])
      guard slice.contains(where: { $0 != 0 }) else {
        return (start.scales[i], start.isSymmetric ? 0 : start.zeroPoints[i])
      }
      let (scale, zero) = best(
        slice, scale: Double(start.scales[i]), zero: start.isSymmetric ? nil : Double(start.zeroPoints[i]),
        codes)
      let single = scheme.hasGroups ? WeightQuantizer.half(Float(scale)) : Float(scale)
      return (single.isNormal ? single : start.scales[i], Int8(zero))
    }
    let all = slices.count == start.scales.count
    return WeightQuantizer(
      scales: all ? found.map(\.scale) : start.scales.map { _ in found[0].scale },
      zeroPoints: start.isSymmetric ? [] : all ? found.map(\.zero) : start.scales.map { _ in found[0].zero },
      group: start.group, lowest: start.lowest, highest: start.highest, rounding: start.rounding)
  }

  /// The graph with batch norm folded and every weight on its grid of this kind.
  public func callAsFunction(_ graph: Graph, _ plan: WeightPlan) throws -> Graph {
    try plan.check("hqq")
    let work = try graph.preparedForQuantization()
    return try work.with(
      plan.layers(in: work).map { layer in
        let quantizer = try quantizer(for: layer.weight.value, plan.scheme(for: layer.name))
        return LayerChange(
          layer: layer, weight: try quantizer.dequantized(layer.weight.value), quantizer: quantizer)
      }, by: "hqq")
  }
}
