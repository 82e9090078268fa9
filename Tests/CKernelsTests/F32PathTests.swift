import CKernels
import Testing

/// A kernel run on inputs made from a size: gives everything it wrote.
private struct Run: CustomTestStringConvertible, Sendable {
  let name: String
  let run: @Sendable (_ path: qk_f32_path, _ n: Int) -> [UInt32]
  var testDescription: String { name }
}

@Suite struct F32PathTests {
  /// Around every multiple of a vector's width, short rows that are folded, and long ones.
  private static let sizes = [
    0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 20, 31, 32, 33, 47, 63, 64, 65, 100, 129, 1000,
  ]

  @Test(arguments: elementwise + rowwise + columnwise + windows + steps + recurrent + moves)
  private func everyPathGivesTheBitsOfThePortableOne(kernel: Run) {
    let paths = f32Paths()
    for n in Self.sizes {
      let expected = kernel.run(paths[0], n)
      for path in paths.dropFirst() {
        #expect(kernel.run(path, n) == expected, "\(kernel.name), \(String(cString: path.isa)), n = \(n)")
      }
    }
  }

  @Test func thePortablePathIsFirstAndNamed() {
    #expect(f32Paths().first.map { String(cString: $0.isa) } == "portable")
  }
}

private func unary(
  _ name: String,
  _ kernel:
    @escaping @Sendable (qk_f32_path) -> (
      @convention(c) (Int, UnsafePointer<Float>?, UnsafeMutablePointer<Float>?) -> Void
    )?
) -> Run {
  Run(name: name) { path, n in
    var y = [Float](repeating: 7, count: n)
    kernel(path)?(n, awkwardFloats(n, seed: 1), &y)
    return bits(y)
  }
}

private func binary(
  _ name: String,
  _ kernel:
    @escaping @Sendable (qk_f32_path) -> (
      @convention(c) (
        Int, Int, UnsafePointer<Float>?, Int, Int, UnsafePointer<Float>?, Int, Int,
        UnsafeMutablePointer<Float>?
      ) -> Void
    )?
) -> Run {
  Run(name: name) { path, n in
    let rows = 13
    let a = awkwardFloats(rows * n + 1, seed: 2), b = awkwardFloats(rows * n + 1, seed: 3)
    var results: [UInt32] = []
    for (aRow, aStep, bRow, bStep) in [(n, 1, n, 1), (n, 1, 0, 0), (0, 0, n, 1), (n, 1, 0, 1), (n, 1, 1, 0)] {
      var y = [Float](repeating: 7, count: rows * n)
      kernel(path)?(rows, n, a, aRow, aStep, b, bRow, bStep, &y)
      results += bits(y)
    }
    return results
  }
}

private let elementwise: [Run] = [
  binary("add") { $0.add }, binary("sub") { $0.sub }, binary("mul") { $0.mul }, binary("div") { $0.div },
  binary("prelu") { $0.prelu }, binary("prelu_slope") { $0.prelu_slope },
  binary("prelu_share") { $0.prelu_share },
  binary("max") { $0.max }, binary("min") { $0.min }, binary("pow") { $0.pow },
  unary("neg") { $0.neg }, unary("abs") { $0.abs }, unary("exp") { $0.exp }, unary("log") { $0.log },
  unary("sqrt") { $0.sqrt }, unary("rsqrt") { $0.rsqrt }, unary("square") { $0.square },
  unary("reciprocal") { $0.reciprocal }, unary("tanh") { $0.tanh }, unary("erf") { $0.erf },
  unary("sigmoid") { $0.sigmoid }, unary("relu") { $0.relu }, unary("gelu") { $0.gelu },
  unary("gelu_tanh") { $0.gelu_tanh }, unary("silu") { $0.silu }, unary("hardswish") { $0.hardswish },
  Run(name: "gradients") { path, n in
    let dy = randomFloats(n, seed: 4), v = awkwardFloats(n, seed: 5)
    return [
      path.relu_backward, path.tanh_backward, path.sigmoid_backward, path.gelu_backward,
      path.gelu_tanh_backward,
      path.silu_backward, path.hardswish_backward,
    ].flatMap { kernel in
      var dx = [Float](repeating: 7, count: n)
      kernel?(n, dy, v, &dx)
      return bits(dx)
    }
  },
  Run(name: "comparisons") { path, n in
    let a = awkwardFloats(n + 1, seed: 6), b = awkwardFloats(n + 1, seed: 6 + 55)
    return [path.equal, path.not_equal, path.less, path.less_equal, path.greater, path.greater_equal].flatMap
    { kernel in
      var y = [UInt8](repeating: 7, count: n)
      kernel?(1, n, a, 0, 1, b, 0, 1, &y)
      return y.map(UInt32.init)
    }
  },
  Run(name: "clip, axpy, scale, where, all_finite") { path, n in
    let x = awkwardFloats(n, seed: 7), dy = randomFloats(n, seed: 8)
    var a = x, b = x, c = dy, d = x, e = x
    path.clip(n, x, -1, 2, &a)
    path.clip_backward(n, dy, x, -1, 2, &b)
    path.axpy(n, 0.3, x, &c)
    path.scale(n, x, 0.3, &d)
    path.where(n, (0..<n).map { UInt8($0 % 3) }, x, dy, &e)
    return bits(a + b + c + d + e) + [path.all_finite(n, x) ? 1 : 0, path.all_finite(n, dy) ? 1 : 0]
  },
]

private let rowwise: [Run] = [
  Run(name: "row reductions") { path, n in
    let x = awkwardFloats(5 * n, seed: 9), z = randomFloats(5 * n, seed: 10)
    return [path.row_sum, path.row_max, path.row_min, path.row_sum_squares].flatMap { kernel in
      var y = [Float](repeating: 7, count: 5)
      kernel?(5, n, x, &y)
      var finite = y
      kernel?(5, n, z, &finite)
      return bits(y + finite)
    }
  },
  Run(name: "row_dot, row_argmax") { path, n in
    var y = [Float](repeating: 7, count: 5), index = [Int64](repeating: 7, count: 5)
    path.row_dot(5, n, randomFloats(5 * n, seed: 11), randomFloats(5 * n, seed: 12), &y)
    path.row_argmax(5, n, awkwardFloats(5 * n, seed: 13), &index)
    return bits(y) + index.map { UInt32($0) }
  },
  Run(name: "product") { path, n in
    let (rows, inner) = (3, 7)
    let a = randomFloats(rows * inner, seed: 31), b = randomFloats(inner * n, seed: 32)
    let bias = randomFloats(n, seed: 33)
    return [(n, 1), (1, inner), (0, 0)].flatMap { row, column in
      var c = [Float](repeating: 7, count: rows * n)
      path.product(rows, inner, n, a, inner, 1, b, row, column, bias, &c)
      return bits(c)
    }
  },
  Run(name: "softmax family") { path, n in
    let x = randomFloats(3 * n, seed: 14), dy = randomFloats(3 * n, seed: 15)
    var results: [Float] = []
    for (forward, backward) in [
      (path.softmax, path.softmax_backward), (path.log_softmax, path.log_softmax_backward),
    ] {
      var y = x, dx = x
      forward?(3, n, x, &y)
      backward?(3, n, dy, y, &dx)
      results += y + dx
    }
    return bits(results)
  },
  Run(name: "cross_entropy") { path, n in
    guard n > 0 else { return [] }
    let x = randomFloats(3 * n, seed: 16), target: [Int64] = [0, -1, Int64(n - 1)]
    var y = x, dx = x, loss: [Float] = [7, 7, 7]
    path.cross_entropy(3, n, x, target, 0.1, &y, &loss)
    path.cross_entropy_backward(3, n, [1, 2, 3], y, target, 0.1, &dx)
    return bits(y + dx + loss)
  },
  Run(name: "distillation") { path, n in
    guard n > 0 else { return [] }
    let x = randomFloats(3 * n, seed: 35), teacher = randomFloats(3 * n, seed: 36)
    var dx = x, loss: [Float] = [7, 7, 7]
    path.distillation(3, n, x, teacher, [0, 0, Int64(n - 1)], 4, 0.7, &dx, &loss)
    return bits(dx + loss)
  },
  Run(name: "fake_quantize") { path, n in
    var y = [Float](repeating: 7, count: n)
    path.fake_quantize(n, awkwardFloats(n, seed: 37), 0.1, -100, 155, &y)
    return bits(y)
  },
  Run(name: "gradient of fake_quantize") { path, n in
    let dy = randomFloats(n, seed: 38), x = awkwardFloats(n, seed: 39)
    var dx = dy
    let slope = path.fake_quantize_backward(n, dy, x, 0.1, -3, 4, &dx)
    return bits(dx + [slope, path.clip_backward_bound(n, dy, x, -0.5, 0.7)])
  },
  Run(name: "ternary and binary") { path, n in
    let x = awkwardFloats(n, seed: 40)
    var (y, z, count) = (x, x, Float(7))
    path.ternary(n, x, 0.3, 1.7, &y)
    path.binary(n, x, 0.9, &z)
    path.dorefa(n, z, 0.9, 3, &z)
    let sum = path.sum_magnitudes(n, randomFloats(n, seed: 41), 0.3, &count)
    return bits(y + z + [sum, count])
  },
  Run(name: "layer_norm") { path, n in
    let x = randomFloats(70 * n, seed: 17), dy = randomFloats(70 * n, seed: 18)
    let gain = randomFloats(n, seed: 19), bias = randomFloats(n, seed: 20)
    var y = x, plain = x, dx = x, mean = [Float](repeating: 7, count: 70), rstd = mean, dgain = gain,
      dbias = gain
    path.layer_norm(70, n, x, nil, bias, 1e-5, &plain, &mean, &rstd)
    path.layer_norm(70, n, x, gain, bias, 1e-5, &y, &mean, &rstd)
    path.layer_norm_backward(70, n, dy, x, gain, mean, rstd, &dx)
    path.layer_norm_backward_parameters(70, n, dy, x, mean, rstd, &dgain, &dbias)
    return bits(y + plain + dx + mean + rstd + dgain + dbias)
  },
]

private let columnwise: [Run] = [
  Run(name: "column reductions") { path, n in
    let x = randomFloats(131 * n, seed: 21)
    return [path.column_sum, path.column_max, path.column_min].flatMap { kernel in
      var y = [Float](repeating: 7, count: n)
      kernel?(131, n, x, &y)
      return bits(y)
    }
  },
  Run(name: "batch_norm") { path, n in
    let x = randomFloats(131 * n, seed: 22), dy = randomFloats(131 * n, seed: 23),
      gain = randomFloats(n, seed: 24)
    var mean = gain, variance = gain, dgain = gain, dbias = gain, y = x, rectified = x, dx = x
    path.batch_norm_statistics(131, n, x, &mean, &variance)
    var summed = x, slope = gain, offset = gain, through = x
    path.scale_shift(131, n, x, gain, mean, nil, false, &y)
    path.scale_shift(131, n, x, gain, mean, nil, true, &rectified)
    path.scale_shift(131, n, x, gain, mean, dy, true, &summed)
    path.batch_norm_backward_parameters(131, n, dy, x, mean, gain, nil, nil, &dgain, &dbias)
    path.batch_norm_backward(131, n, 131, dy, x, gain, mean, gain, nil, nil, dgain, dbias, &dx)
    path.batch_norm_backward_parameters(131, n, dy, x, mean, gain, gain, mean, &slope, &offset)
    path.batch_norm_backward(131, n, 131, dy, x, gain, mean, gain, gain, mean, slope, offset, &through)
    var mixed = x
    path.group_norm_backward(131, n, dy, x, gain, mean, dgain, dbias, &mixed)
    return bits(
      mean + variance + y + rectified + summed + dgain + dbias + dx + slope + offset + through + mixed)
  },
  Run(name: "group_norm") { path, n in
    let x = randomFloats(24 * n, seed: 22), dy = randomFloats(24 * n, seed: 23),
      gain = randomFloats(8, seed: 24)
    var mean = [Float](repeating: 7, count: 6), rstd = mean, y = x, dx = x, dgain = gain, dbias = gain,
      bare = x
    path.group_norm_planes(3, 8, n, 2, x, gain, gain, 1e-5, &y, &mean, &rstd)
    path.group_norm_planes_backward(3, 8, n, 2, dy, x, gain, mean, rstd, &dx, &dgain, &dbias)
    path.group_norm_planes(3, 8, n, 2, x, nil, nil, 1e-5, &bare, &mean, &rstd)
    return bits(y + dx + dgain + dbias + bare + mean + rstd)
  },
]

private let windows: [Run] = [
  Run(name: "pooling") { path, n in
    var window = qk_f32_window(
      batch: 2, channels: n, height: 6, width: 5, out_height: 3, out_width: 3, kernel_height: 3,
      kernel_width: 2,
      stride_height: 2, stride_width: 2, dilation_height: 1, dilation_width: 1, pad_top: 1, pad_left: 1,
      pad_bottom: 1,
      pad_right: 1, count_padding: true)
    let x = awkwardFloats(2 * 30 * n, seed: 25), dy = randomFloats(2 * 9 * n, seed: 26)
    var y = dy, average = dy, taken = [Int32](repeating: 7, count: dy.count), dx = x, averageDx = x
    path.max_pool(&window, x, false, &y, &taken)
    path.max_pool_backward(&window, dy, taken, &dx)
    path.average_pool(&window, x, &average)
    path.average_pool_backward(&window, dy, &averageDx)
    return bits(y + average + dx + averageDx) + taken.map { UInt32(bitPattern: $0) }
  },
  Run(name: "resizing") { path, n in
    let x = randomFloats(2 * 6 * n, seed: 38), dy = randomFloats(2 * 12 * n, seed: 39)
    var results: [Float] = []
    for nearest in [false, true] {
      var y = dy, row = [Float](repeating: 7, count: 3 * n), dx = x
      withResizeShape(channels: n, nearest: nearest) { shape in
        path.resize(&shape, x, &row, &y)
        path.resize_backward(&shape, dy, &row, &dx)
      }
      results += y + dx
    }
    return bits(results)
  },
  Run(name: "pooling by halves") { path, n in
    var window = qk_f32_window()
    (window.batch, window.channels, window.height, window.width) = (2, n, 4, 6)
    (window.out_height, window.out_width) = (2, 3)
    (window.kernel_height, window.kernel_width, window.stride_height, window.stride_width) = (2, 2, 2, 2)
    (window.dilation_height, window.dilation_width) = (1, 1)
    let x = awkwardFloats(2 * 24 * n, seed: 33), dy = randomFloats(2 * 6 * n, seed: 34)
    return [false, true].flatMap { relu in
      var y = dy, taken = [Int32](repeating: 7, count: dy.count), dx = x
      path.max_pool(&window, x, relu, &y, &taken)
      path.max_pool_backward(&window, dy, taken, &dx)
      return bits(y + dx) + taken.map { UInt32(bitPattern: $0) }
    }
  },
]

/// Two images of 2 x 3 pixels to 3 x 4.
private func withResizeShape(channels: Int, nearest: Bool, _ body: (inout qk_f32_resize_shape) -> Void) {
  let rows: [Int32] = [0, 0, 1, 0, 1, 1], columns: [Int32] = [0, 0, 1, 2, 1, 1, 2, 2]
  let down: [Float] = [0, 0.5, 1], across: [Float] = [0, 0.625, 0.375, 0.25]
  rows.withUnsafeBufferPointer { rows in
    columns.withUnsafeBufferPointer { columns in
      down.withUnsafeBufferPointer { down in
        across.withUnsafeBufferPointer { across in
          var shape = qk_f32_resize_shape(
            batch: 2, channels: channels, height: 2, width: 3, out_height: 3, out_width: 4,
            top: rows.baseAddress,
            bottom: rows.baseAddress! + 3, left: columns.baseAddress, right: columns.baseAddress! + 4,
            down: down.baseAddress, across: across.baseAddress, nearest: nearest)
          body(&shape)
        }
      }
    }
  }
}

private let steps: [Run] = [
  Run(name: "sgd") { path, n in
    var p = randomFloats(n, seed: 27), buffer = randomFloats(n, seed: 28)
    for (nesterov, momentum, first) in [
      (false, 0, false), (false, 0.9, true), (false, 0.9, false), (true, 0.9, false),
    ] {
      var options = qk_f32_sgd_options(
        learning_rate: 0.1, momentum: momentum, dampening: nesterov ? 0 : 0.1, weight_decay: 0.01,
        nesterov: nesterov,
        first_step: first)
      path.sgd(n, &options, randomFloats(n, seed: 29), &buffer, &p)
    }
    return bits(p + buffer)
  },
  Run(name: "adam") { path, n in
    var p = randomFloats(n, seed: 30), m = [Float](repeating: 0, count: n), v = m
    for step in 1...3 {
      var options = qk_f32_adam_options(
        learning_rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01,
        decoupled: step == 2,
        step: Int64(step))
      path.adam(n, &options, randomFloats(n, seed: 31 + UInt64(step)), &m, &v, &p)
    }
    return bits(p + m + v)
  },
]

private let recurrent: [Run] = [
  Run(name: "lstm_step") { path, n in
    let rows = 3
    var gates = awkwardFloats(rows * 4 * n, seed: 40), cell = [Float](repeating: 7, count: rows * n)
    var hidden = cell, squashed = cell
    path.lstm_step(rows, n, &gates, randomFloats(rows * n, seed: 41), &cell, &squashed, &hidden)
    return bits(gates + cell + squashed + hidden)
  },
  Run(name: "lstm_step_backward") { path, n in
    let rows = 3
    func state(_ seed: UInt64) -> [Float] { randomFloats(rows * n, seed: seed) }
    var dCell = state(42), dGates = [Float](repeating: 7, count: rows * 4 * n)
    path.lstm_step_backward(
      rows, n, randomFloats(rows * 4 * n, seed: 43, in: 0...1), state(44), state(45), state(46), state(47),
      &dCell, &dGates)
    return bits(dCell + dGates)
  },
  Run(name: "gru_step") { path, n in
    let rows = 3
    var gates = awkwardFloats(rows * 3 * n, seed: 48), parts = randomFloats(rows * 3 * n, seed: 49)
    var candidate = [Float](repeating: 7, count: rows * n), hidden = candidate
    path.gru_step(rows, n, &gates, &parts, randomFloats(rows * n, seed: 50), &candidate, &hidden)
    return bits(gates + candidate + hidden)
  },
  Run(name: "gru_step_backward") { path, n in
    let rows = 3
    func state(_ seed: UInt64) -> [Float] { randomFloats(rows * n, seed: seed) }
    var dHidden = state(51), dGates = [Float](repeating: 7, count: rows * 3 * n), dParts = dGates
    path.gru_step_backward(
      rows, n, randomFloats(rows * 3 * n, seed: 52, in: 0...1), state(53), state(54), state(55), &dHidden,
      &dGates, &dParts)
    return bits(dHidden + dGates + dParts)
  },
]

private let moves: [Run] = [
  Run(name: "conversions") { path, n in
    let x = awkwardFloats(n, seed: 35).map { $0 * 100 }
    var i8 = [Int8](repeating: 7, count: n), u8 = [UInt8](repeating: 7, count: n),
      f64 = [Double](repeating: 7, count: n)
    var i32 = [Int32](repeating: 7, count: n), i64 = [Int64](repeating: 7, count: n)
    path.to_i8(n, x, &i8)
    path.to_u8(n, x, &u8)
    path.to_i32(n, x, &i32)
    path.to_i64(n, x, &i64)
    path.to_f64(n, x, &f64)
    var back = x, large = x, narrow = x
    path.from_i32(n, i32, &back)
    path.from_i64(n, i64, &large)
    path.from_f64(n, f64, &narrow)
    let bytes = zip(i8, u8).map { UInt32(UInt8(bitPattern: $0)) << 8 | UInt32($1) }
    return bytes + i32.map { UInt32(bitPattern: $0) } + bits(back + large + narrow)
  },
  Run(name: "gather, scatter, transpose") { path, n in
    let table = randomFloats(9 * n, seed: 36), index: [Int64] = [8, 0, 3, 3]
    var rows = [Float](repeating: 7, count: 4 * n), sums = table, turned = table
    path.gather_rows(4, n, table, index, &rows)
    path.scatter_add_rows(4, n, rows, index, &sums)
    path.transpose(1, 9, n, table, &turned)
    return bits(rows + sums + turned)
  },
]
