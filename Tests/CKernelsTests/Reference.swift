import CKernels

/// The contract of qk_int8.h, read once more: plain loops, 64-bit integers.
enum Reference {
  /// Round half to even, add the zero point, clamp.
  static func saturate(_ t: Float, _ zeroPoint: Int, _ lo: Int, _ hi: Int) -> Int {
    if t.isNaN { return lo }
    let rounded = Double(t).rounded(.toNearestOrEven) + Double(zeroPoint)
    return Int(min(max(rounded, Double(lo)), Double(hi)))
  }

  /// The output stage, as the bits of the element stored.
  static func store(_ acc: Int, _ multiplier: Float, _ output: qk_output) -> Int32 {
    let acc = Int32(acc)
    switch output.kind {
    case QK_OUTPUT_S32: return acc
    case QK_OUTPUT_F32: return Int32(bitPattern: (Float(acc) * multiplier).bitPattern)
    case QK_OUTPUT_S8:
      let number = { Int(Int8(bitPattern: $0)) }
      return Int32(
        saturate(Float(acc) * multiplier, number(output.zero_point), number(output.lo), number(output.hi)))
    default:
      return Int32(saturate(Float(acc) * multiplier, Int(output.zero_point), Int(output.lo), Int(output.hi)))
    }
  }

  /// a [m, k] times the transpose of w [n, k], accumulated.
  static func product(
    _ m: Int, _ n: Int, _ k: Int, _ a: [UInt8], stride: Int, _ zeroPoint: UInt8, _ w: [Int8], _ bias: [Int32]
  ) -> [Int] {
    var sums = [Int]()
    for i in 0..<m {
      for j in 0..<n {
        var sum = Int(bias[j])
        for p in 0..<k { sum += (Int(a[i * stride + p]) - Int(zeroPoint)) * Int(w[j * k + p]) }
        sums.append(sum)
      }
    }
    return sums
  }

  /// x [batch, height, width, channels] with weights OIHW, accumulated, NHWC.
  static func convolution(
    _ s: qk_conv2d_shape, batch: Int, _ x: [UInt8], _ zeroPoint: UInt8, _ w: [Int8], _ bias: [Int32]
  ) -> [Int] {
    let outHeight =
      (s.height + s.pad_top + s.pad_bottom - s.dilation_h * (s.kernel_h - 1) - 1) / s.stride_h + 1
    let outWidth = (s.width + s.pad_left + s.pad_right - s.dilation_w * (s.kernel_w - 1) - 1) / s.stride_w + 1
    let (groupIn, groupOut) = (s.channels / s.groups, s.out_channels / s.groups)
    var sums = [Int]()
    for b in 0..<batch {
      for oy in 0..<outHeight {
        for ox in 0..<outWidth {
          for o in 0..<s.out_channels {
            var sum = Int(bias[o])
            for ky in 0..<s.kernel_h {
              for kx in 0..<s.kernel_w {
                let iy = oy * s.stride_h + ky * s.dilation_h - s.pad_top
                let ix = ox * s.stride_w + kx * s.dilation_w - s.pad_left
                guard 0..<s.height ~= iy, 0..<s.width ~= ix else { continue }
                for c in 0..<groupIn {
                  let value = x[
                    ((b * s.height + iy) * s.width + ix) * s.channels + o / groupOut * groupIn + c]
                  let weight = w[((o * groupIn + c) * s.kernel_h + ky) * s.kernel_w + kx]
                  sum += (Int(value) - Int(zeroPoint)) * Int(weight)
                }
              }
            }
            sums.append(sum)
          }
        }
      }
    }
    return sums
  }
}

extension qk_output {
  static let all: [qk_output] = [
    qk_output(kind: QK_OUTPUT_U8, zero_point: 128, lo: 0, hi: 255),
    qk_output(kind: QK_OUTPUT_U8, zero_point: 3, lo: 3, hi: 200),
    qk_output(kind: QK_OUTPUT_S8, zero_point: 0xf6, lo: 0x80, hi: 0x7f),
    qk_output(kind: QK_OUTPUT_S8, zero_point: 0x20, lo: 0x91, hi: 0x70),
    qk_output(kind: QK_OUTPUT_S32, zero_point: 0, lo: 0, hi: 0),
    qk_output(kind: QK_OUTPUT_F32, zero_point: 0, lo: 0, hi: 0),
  ]
}

/// Runs `body` with memory for `count` outputs of that kind.
///
/// - Returns: the elements' bits, and whether nothing was written outside.
func outputs(_ output: qk_output, _ count: Int, _ body: (UnsafeMutableRawPointer) -> Void) -> ([Int32], Bool)
{
  if output.kind == QK_OUTPUT_U8 {
    let (bytes, intact) = guarded(count, of: UInt8.self) { body($0) }
    return (bytes.map(Int32.init), intact)
  }
  if output.kind == QK_OUTPUT_S8 {
    let (bytes, intact) = guarded(count, of: Int8.self) { body($0) }
    return (bytes.map(Int32.init), intact)
  }
  return guarded(count, of: Int32.self) { body($0) }
}
