// The convolution as its definition reads, in double precision: what gradient checks run, and what the fast
// path is compared with.

extension Conv2d {
  func referenceForward(_ t: [Tensor], _ shape: Shape) throws -> Tensor {
    let (x, weight) = (try t[0].contiguous(), try t[1].contiguous())
    let y = try Tensor(undefined: shape, .f64)
    let (input, kernel, output) = (
      x.pointer(Double.self), weight.pointer(Double.self), y.pointer(Double.self)
    )
    let bias = t.count > 2 ? try t[2].contiguous() : nil
    for n in 0..<shape[0] {
      for o in 0..<shape[1] {
        let start = bias.map { $0.pointer(Double.self)[o] } ?? 0
        for i in 0..<(shape[2] * shape[3]) { output[(n * shape[1] + o) * shape[2] * shape[3] + i] = start }
      }
    }
    forEachTap(x.shape, weight.shape, shape) { output[$2] += input[$0] * kernel[$1] }
    return y
  }

  func referenceBackward(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let (x, weight) = (try record.inputs[0].contiguous(), try record.inputs[1].contiguous())
    let gradient = try dy.contiguous()
    let (dx, dw) = (try Tensor.zeros(x.shape, .f64), try Tensor.zeros(weight.shape, .f64))
    let (input, kernel, dOutput) = (
      x.pointer(Double.self), weight.pointer(Double.self), gradient.pointer(Double.self)
    )
    let (dInput, dKernel) = (dx.pointer(Double.self), dw.pointer(Double.self))
    forEachTap(x.shape, weight.shape, dy.shape) {
      dInput[$0] += kernel[$1] * dOutput[$2]
      dKernel[$1] += input[$0] * dOutput[$2]
    }
    return [dx, dw] + (record.inputs.count > 2 ? [try Sum(axes: [0, 2, 3])(gradient)] : [])
  }

  /// Calls `body` with the positions in x, weight and y (all contiguous) of every product that counts.
  @inline(__always)
  private func forEachTap(_ x: Shape, _ weight: Shape, _ y: Shape, _ body: (Int, Int, Int) -> Void) {
    let window = window(weight)
    let perGroup = weight[0] / groups
    for n in 0..<y[0] {
      for o in 0..<y[1] {
        for c in 0..<weight[1] {
          let image = (n * x[1] + o / perGroup * weight[1] + c) * x[2] * x[3]
          let kernel = (o * weight[1] + c) * weight[2] * weight[3]
          for h in 0..<y[2] {
            for w in 0..<y[3] {
              let result = ((n * y[1] + o) * y[2] + h) * y[3] + w
              for kh in window.rows(h, of: x[2]) {
                let row = h * stride.height - padding.top + kh * dilation.height
                for kw in window.columns(w, of: x[3]) {
                  let column = w * stride.width - padding.left + kw * dilation.width
                  body(image + row * x[3] + column, kernel + kh * weight[3] + kw, result)
                }
              }
            }
          }
        }
      }
    }
  }
}
