import Tensors

/// What the numbers of one tensor are like.
public struct TensorStatistics: Sendable {
  public private(set) var mean = 0.0, deviation = 0.0
  public private(set) var minimum = Double.infinity, maximum = -Double.infinity
  /// The share of elements that are 0.
  public private(set) var zeros = 0.0
  /// The root of the sum of squares.
  public private(set) var norm = 0.0

  /// Of all elements; the mean of none is 0.
  public init(_ tensor: Tensor) throws {
    let values = try tensor.doubles()
    guard !values.isEmpty else { return }
    var (sum, squares, zeroCount) = (0.0, 0.0, 0)
    for x in values {
      sum += x
      squares += x * x
      minimum = Swift.min(minimum, x)
      maximum = Swift.max(maximum, x)
      if x == 0 { zeroCount += 1 }
    }
    let count = Double(values.count)
    mean = sum / count
    deviation = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) / count }.squareRoot()
    zeros = Double(zeroCount) / count
    norm = squares.squareRoot()
  }
}

/// Watches one training step of a model, and says layer by layer what flowed forwards and backwards.
///
/// Make it before the forward pass, call `gradientsAreThere` after the backward pass, take a step, then ask for the
/// `layers`. Nothing of the computation changes; tensors are read as they pass.
public final class Diagnosis {
  public struct Layer {
    /// Path of the module; "" for the model itself.
    public let path: String
    /// The module's constructor.
    public let kind: String
    /// What the layer made, where it has no layers within it.
    public fileprivate(set) var activation: TensorStatistics?
    /// Channels of an image, or features, that were 0 for every example of the batch, and how many there are.
    public fileprivate(set) var deadUnits = 0
    public fileprivate(set) var units = 0
    /// Of all gradients of its own weights together.
    public fileprivate(set) var gradientNorm: Double?
    public fileprivate(set) var gradientMean: Double?
    public fileprivate(set) var gradientDeviation: Double?
    public fileprivate(set) var weightNorm: Double?
    /// The norm of the step over the norm of the weights before it: about 1e-3 is usual.
    public fileprivate(set) var updateRatio: Double?
  }

  private let model: Module
  private var rows: [Layer] = []
  private var places: [String: Int] = [:]
  private var before: [(path: String, parameter: Parameter, value: Tensor)] = []
  private var watched: [(module: Module, observer: OutputObserver)] = []

  public init(_ model: Module) {
    self.model = model
    for (path, module) in model.namedModules() where module.children.isEmpty {
      let observer = OutputObserver { [weak self] module, output in try self?.see(output, path, module.kind) }
      module.observers.append(observer)
      watched.append((module, observer))
    }
  }

  deinit { stopWatching() }

  private func stopWatching() {
    for (module, observer) in watched { module.observers.removeAll { $0 === observer } }
    watched = []
  }

  private func see(_ output: Tensor, _ path: String, _ kind: String) throws {
    let place = place(path, kind)
    guard rows[place].activation == nil else { return }
    rows[place].activation = try TensorStatistics(output)
    guard output.rank >= 2 else { return }
    let axis = output.rank == 4 ? 1 : output.rank - 1
    let inner = output.shape.dropFirst(axis + 1).reduce(1, *)
    let units = output.shape[axis]
    var isAlive = [Bool](repeating: false, count: units)
    for (i, value) in try output.doubles().enumerated() where value != 0 { isAlive[i / inner % units] = true }
    (rows[place].units, rows[place].deadUnits) = (units, isAlive.count { !$0 })
  }

  private func place(_ path: String, _ kind: String) -> Int {
    if let known = places[path] { return known }
    rows.append(Layer(path: path, kind: kind))
    places[path] = rows.count - 1
    return rows.count - 1
  }

  /// To be called after the backward pass and before the step.
  public func gradientsAreThere() throws {
    stopWatching()
    let kinds = Dictionary(uniqueKeysWithValues: model.namedModules().map { ($0.path, $0.module.kind) })
    var ofLayer: [Int: [(gradient: [Double], weight: [Double])]] = [:]
    for (name, parameter) in model.namedParameters() where parameter.role == .weight {
      let path = String(name.prefix(upTo: name.lastIndex(of: ".") ?? name.startIndex))
      before.append((path, parameter, try parameter.value.copy()))
      guard let gradient = parameter.value.grad else { continue }
      ofLayer[place(path, kinds[path] ?? "layer"), default: []]
        .append((try gradient.doubles(), try parameter.value.doubles()))
    }
    for (place, parts) in ofLayer {
      let gradients = parts.flatMap(\.gradient)
      let mean = gradients.reduce(0, +) / Double(max(gradients.count, 1))
      rows[place].gradientNorm = gradients.reduce(0) { $0 + $1 * $1 }.squareRoot()
      rows[place].gradientMean = mean
      rows[place].gradientDeviation =
        (gradients.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(gradients.count, 1)))
        .squareRoot()
      rows[place].weightNorm = parts.flatMap(\.weight).reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
  }

  /// Every layer that was seen, in the order they ran. With `hasStepped`, the weights are compared with those before
  /// the step.
  public func layers(hasStepped: Bool) throws -> [Layer] {
    stopWatching()
    guard hasStepped else { return rows }
    var squares: [String: Double] = [:]
    for (path, parameter, value) in before {
      let (now, then) = (try parameter.value.doubles(), try value.doubles())
      squares[path, default: 0] += zip(now, then).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }
    for (path, square) in squares {
      guard let place = places[path], let norm = rows[place].weightNorm else { continue }
      rows[place].updateRatio = norm > 0 ? square.squareRoot() / norm : nil
    }
    return rows
  }
}
