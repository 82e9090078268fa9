import CKernels
import Testing

private struct Geometry: CustomTestStringConvertible, Sendable {
  var size: (Int, Int), kernel: (Int, Int), stride: (Int, Int)
  var dilation = (1, 1), pad = (0, 0), ceil = false
  var testDescription: String { "\(size) kernel \(kernel) stride \(stride) dilation \(dilation) pad \(pad)" }

  func window(batch: Int, channels: Int, countPadding: Bool) -> qk_f32_window {
    func out(_ size: Int, _ kernel: Int, _ stride: Int, _ dilation: Int, _ pad: Int) -> Int {
      (size + 2 * pad - dilation * (kernel - 1) - 1 + (ceil ? stride - 1 : 0)) / stride + 1
    }
    return qk_f32_window(
      batch: batch, channels: channels, height: size.0, width: size.1,
      out_height: out(size.0, kernel.0, stride.0, dilation.0, pad.0),
      out_width: out(size.1, kernel.1, stride.1, dilation.1, pad.1), kernel_height: kernel.0,
      kernel_width: kernel.1,
      stride_height: stride.0, stride_width: stride.1, dilation_height: dilation.0,
      dilation_width: dilation.1,
      pad_top: pad.0, pad_left: pad.1, pad_bottom: pad.0, pad_right: pad.1, count_padding: countPadding)
  }
}

/// The taps of every output element, as positions in x, and how many positions count where padding does.
private func taps(_ w: qk_f32_window) -> [(taps: [Int], counted: Int)] {
  var all: [(taps: [Int], counted: Int)] = []
  for b in 0..<w.batch {
    for i in 0..<w.out_height {
      for j in 0..<w.out_width {
        for c in 0..<w.channels {
          var inside: [Int] = [], counted = 0
          for s in 0..<w.kernel_height {
            for t in 0..<w.kernel_width {
              let y = i * w.stride_height + s * w.dilation_height - w.pad_top
              let x = j * w.stride_width + t * w.dilation_width - w.pad_left
              if y < w.height + w.pad_bottom && x < w.width + w.pad_right { counted += 1 }
              guard (0..<w.height).contains(y), (0..<w.width).contains(x) else { continue }
              inside.append(((b * w.height + y) * w.width + x) * w.channels + c)
            }
          }
          all.append((inside, w.count_padding ? counted : inside.count))
        }
      }
    }
  }
  return all
}

@Suite struct F32PoolTests {
  private static let geometries = [
    Geometry(size: (8, 8), kernel: (2, 2), stride: (2, 2)),
    Geometry(size: (7, 9), kernel: (3, 3), stride: (2, 2), pad: (1, 1)),
    Geometry(size: (7, 9), kernel: (3, 2), stride: (1, 2), dilation: (2, 1), pad: (1, 1)),
    Geometry(size: (5, 5), kernel: (5, 5), stride: (1, 1)),
    Geometry(size: (6, 7), kernel: (3, 3), stride: (2, 3), pad: (1, 1), ceil: true),
    Geometry(size: (3, 3), kernel: (2, 2), stride: (2, 2), dilation: (3, 3), pad: (1, 1), ceil: true),
  ]

  @Test(arguments: geometries, [1, 6, 16, 35])
  private func maxPoolingAgreesWithALoopOverTaps(geometry: Geometry, channels: Int) {
    var window = geometry.window(batch: 2, channels: channels, countPadding: false)
    let windows = taps(window), x = randomFloats(2 * window.height * window.width * channels, seed: 1)
    let dy = randomFloats(windows.count, seed: 2)
    var y = dy, taken = [Int32](repeating: 7, count: dy.count), dx = x
    qk_f32_max_pool(&window, x, false, &y, &taken)
    qk_f32_max_pool_backward(&window, dy, taken, &dx)
    #expect(y == windows.map { $0.taps.map { x[$0] }.max() ?? -.infinity })
    var expected = [Float](repeating: 0, count: x.count)
    for (i, window) in windows.enumerated() {
      if let best = window.taps.max(by: { x[$0] < x[$1] }) {
        expected[best] += dy[i]
      } else {
        #expect(taken[i] == -1)
      }
    }
    #expect(largestError(dx, expected.map(Double.init)) < 1e-5)
    var alone = dy
    qk_f32_max_pool(&window, x, false, &alone, nil)
    #expect(alone == y)
  }

  @Test(arguments: geometries, [1, 6, 16, 35])
  private func averagePoolingAgreesWithALoopOverTaps(geometry: Geometry, channels: Int) {
    for countPadding in [false, true] {
      var window = geometry.window(batch: 2, channels: channels, countPadding: countPadding)
      let windows = taps(window), x = randomFloats(2 * window.height * window.width * channels, seed: 3)
      let dy = randomFloats(windows.count, seed: 4)
      var y = dy, dx = x
      qk_f32_average_pool(&window, x, &y)
      qk_f32_average_pool_backward(&window, dy, &dx)
      let truth = windows.map { window in
        window.counted == 0 ? 0 : window.taps.reduce(0) { $0 + Double(x[$1]) } / Double(window.counted)
      }
      #expect(largestError(y, truth) < 1e-6)
      var expected = [Double](repeating: 0, count: x.count)
      for (i, window) in windows.enumerated() {
        for tap in window.taps { expected[tap] += Double(dy[i]) / Double(window.counted) }
      }
      #expect(largestError(dx, expected) < 1e-5)
    }
  }

  @Test func aWindowWithANaNIsNaNAndMinusInfinityHasAnIndex() {
    var window = Geometry(size: (2, 2), kernel: (2, 2), stride: (2, 2)).window(
      batch: 1, channels: 2, countPadding: false)
    let low = -Float.infinity
    var y: [Float] = [7, 7], taken: [Int32] = [7, 7]
    qk_f32_max_pool(&window, [1, low, .nan, low, 9, low, 2, low], false, &y, &taken)
    #expect(y[0].isNaN && y[1] == low && taken == [1, 0])
  }

  @Test func nothingIsWrittenPastTheEnd() {
    var window = Geometry(size: (4, 4), kernel: (2, 2), stride: (2, 2)).window(
      batch: 1, channels: 3, countPadding: false)
    let x = randomFloats(48, seed: 5)
    var y = [Float](repeating: 7, count: 12 + 16), taken = [Int32](repeating: 7, count: 12 + 16)
    var dx = [Float](repeating: 7, count: 48 + 16)
    qk_f32_max_pool(&window, x, false, &y, &taken)
    qk_f32_max_pool_backward(&window, y, taken, &dx)
    #expect(
      y[12...].allSatisfy { $0 == 7 } && taken[12...].allSatisfy { $0 == 7 }
        && dx[48...].allSatisfy { $0 == 7 })
  }
}
