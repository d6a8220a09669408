// Sequence<T>: the values of a directive that may be repeated, in the order written. Copying shares the elements, so
// that a thousand locations which inherit a list cost a thousand pointers.
#pragma once

#include <cstddef>

#include "core/base/arena.h"

namespace sluice::conf {

template <class T>
class Sequence {
    struct Node {
        T value;
        Node* next;
    };

 public:
    class Iterator {
     public:
        explicit Iterator(Node* node) : node_(node) {}
        T& operator*() const { return node_->value; }
        T* operator->() const { return &node_->value; }
        Iterator& operator++() {
            node_ = node_->next;
            return *this;
        }
        bool operator==(const Iterator&) const = default;

     private:
        Node* node_;
    };

    /// Appends; only the block that wrote the first element may, before others inherit.
    T& append(Arena& arena, T value) {
        Node* node = arena.make<Node>(std::move(value), nullptr);
        (last_ != nullptr ? last_->next : first_) = node;
        last_ = node;
        ++size_;
        return node->value;
    }

    bool empty() const { return size_ == 0; }
    size_t size() const { return size_; }
    Iterator begin() const { return Iterator(first_); }
    Iterator end() const { return Iterator(nullptr); }

 private:
    Node* first_ = nullptr;
    Node* last_ = nullptr;
    size_t size_ = 0;
};

}  // namespace sluice::conf
